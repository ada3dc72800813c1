import type { Miniflare } from 'miniflare';
import type { AuthApp } from '../support/better-auth/device.js';
import { authScenarios } from '../support/better-auth/scenarios.js';
import { startWorker } from '../support/worker.js';

describe('betterAuthStorage under Better Auth in workerd', () => {
  let miniflare: Miniflare;
  let url: URL;

  beforeAll(async () => {
    ({ miniflare, url } = await startWorker('better-auth-worker.ts', {
      durableObjects: { SESSIONS: { className: 'SessionObject', useSQLite: true } },
      // What Better Auth asks for; the package asks for none.
      compatibilityFlags: ['nodejs_compat'],
    }));
  });
  afterAll(async () => miniflare.dispose());

  /** The Worker, over HTTP. */
  function appOf({ isLimited = false }: { readonly isLimited?: boolean }): AuthApp {
    return {
      handle: async (request) => {
        const headers = { ...Object.fromEntries(request.headers), ...(isLimited && { 'x-limited': '1' }) };
        const { pathname, search } = new URL(request.url);
        const body = request.method === 'GET' ? null : await request.text();
        return fetch(new URL(pathname + search, url), { method: request.method, headers, body, redirect: 'manual' });
      },
      links: async () => (await fetch(new URL('/links', url))).json<string[]>(),
      advance: async (ms) => {
        await fetch(new URL(`/advance?ms=${ms}`, url));
      },
    };
  }

  test.each(authScenarios.map((scenario) => [scenario.name, scenario] as const))('%s', async (_name, scenario) => {
    await scenario.run(appOf(scenario));
  });
});
