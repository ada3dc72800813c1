import type { SecondaryStorage } from 'better-auth';
import type { BetterAuthStorageOptions } from '../../src/adapters/better-auth.js';
import { betterAuthStorage } from '../../src/adapters/better-auth.js';
import { SessionMachine } from '../../src/durable-objects/session/session-machine.js';
import { MemoryObjectNamespace } from '../../src/testing.js';
import type { AuthVariant } from '../support/better-auth/app.js';
import { emptyDatabase, makeAuth } from '../support/better-auth/app.js';
import type { AuthApp } from '../support/better-auth/device.js';
import { Device } from '../support/better-auth/device.js';
import { loadBetterAuth } from '../support/better-auth/load.js';
import { authScenarios } from '../support/better-auth/scenarios.js';

const parts = loadBetterAuth();
const START_MS = Date.UTC(2026, 0, 1);

/** Better Auth takes its time from `Date`: that alone is faked, and the objects follow it. */
beforeEach(() => {
  jest.useFakeTimers({ now: START_MS, doNotFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'nextTick', 'queueMicrotask', 'performance', 'setInterval', 'clearInterval', 'clearImmediate', 'hrtime'] }); // prettier-ignore
});
afterEach(() => jest.useRealTimers());

function makeObjects(): MemoryObjectNamespace {
  return new MemoryObjectNamespace((host) => new SessionMachine(host), { now: () => Date.now() });
}

function appOver(storage: SecondaryStorage, variant?: AuthVariant): AuthApp {
  const links: string[] = [];
  const auth = makeAuth(parts, { storage, db: emptyDatabase(), links }, variant);
  return {
    handle: (request) => auth.handler(request),
    links: async () => links,
    advance: async (ms) => void jest.setSystemTime(Date.now() + ms),
  };
}

function setUp(options?: BetterAuthStorageOptions, variant?: AuthVariant) {
  const objects = makeObjects();
  const storage = betterAuthStorage(objects, options);
  return { objects, storage, app: appOver(storage, variant) };
}

describe('betterAuthStorage', () => {
  describe.each([
    ['sessions on objects alone', {}],
    ['sessions in the database as well', { storesSessionInDatabase: true }],
  ])('under Better Auth, with %s', (_name, variant) => {
    test.each(authScenarios.map((scenario) => [scenario.name, scenario] as const))('%s', async (_n, scenario) => {
      const { app } = setUp({}, { ...variant, isLimited: scenario.isLimited ?? false });
      await scenario.run(app);
    });
  });
  void Device;
});
