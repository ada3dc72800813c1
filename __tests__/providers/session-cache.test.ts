import { SessionCacheClient } from '../../src/clients/kv/session/session-cache-client.js';
import { memorySessions } from '../../src/durable-objects/session/memory-sessions.js';
import { provideCloudflareClients } from '../../src/providers/cloudflare-clients.js';
import { createContainer } from '../../src/providers/container.js';
import { provideValue } from '../../src/providers/provider.js';
import { provideSessionCache } from '../../src/providers/session-cache.js';
import type { ProvideSessionCacheOptions } from '../../src/providers/session-cache.js';
import { MemoryKVNamespace } from '../../src/testing.js';
import { SESSION_CACHE_CLIENT, SESSIONS } from '../../src/tokens/index.js';
import { codeOf, errorOf } from '../support/kv.js';
import { keysOf, sessionAt, TOKEN } from '../support/sessions.js';

const PEPPER = 'a pepper of a length that will do';

function open(env: object, options?: ProvideSessionCacheOptions): SessionCacheClient {
  return createContainer(provideSessionCache(options)).scope({ env }).resolve(SESSION_CACHE_CLIENT);
}

const freshnessOf = async (sessions: SessionCacheClient): Promise<string | undefined> => {
  await sessions.set(TOKEN, sessionAt(Date.now()));
  return (await sessions.lookup(TOKEN))?.freshness;
};

describe('provideSessionCache', () => {
  test('makes sessions strong where the objects are bound, under whatever name', async () => {
    const AUTH_SESSION_KV = new MemoryKVNamespace();
    const env = { AUTH_SESSION_KV, SESSIONS: memorySessions(), OTHERS: memorySessions() };
    expect(await freshnessOf(open({ AUTH_SESSION_KV }))).toBe('cache');
    expect(await freshnessOf(open(env))).toBe('verified');
    expect(env.SESSIONS.calls).toBe(1);
    expect(await freshnessOf(open(env, { object: 'OTHERS' }))).toBe('verified');
    expect(env.OTHERS.calls).toBe(1);
    expect(await freshnessOf(open(env, { strong: false }))).toBe('cache');
    const all = createContainer(provideCloudflareClients()).scope({ env });
    expect(await freshnessOf(all.resolve(SessionCacheClient))).toBe('verified');
  });

  test('takes what a test puts in place of the objects', async () => {
    const objects = memorySessions();
    const container = createContainer(provideSessionCache()).with(provideValue(SESSIONS, objects));
    const scope = container.scope({ env: { AUTH_SESSION_KV: new MemoryKVNamespace() } });
    expect(await freshnessOf(scope.resolve(SESSION_CACHE_CLIENT))).toBe('verified');
    expect(objects.calls).toBe(1);
  });

  test('names what is missing or wrong', async () => {
    const AUTH_SESSION_KV = new MemoryKVNamespace();
    const missing = await errorOf(() => open({ AUTH_SESSION_KV }, { strong: true }));
    expect(missing).toMatchObject({ code: 'MISSING_BINDING' });
    expect(missing.message).toMatch(/env\.SESSIONS.*"class_name": "SessionObject".*new_sqlite_classes/);
    expect(await codeOf(() => open({ AUTH_SESSION_KV, SESSIONS: {} }))).toBe('INVALID_BINDING');
    expect(await codeOf(() => provideSessionCache({ object: '' }))).toBe('INVALID_OPTION');
  });

  test('reads peppers from variables, and older ones may be unset', async () => {
    const AUTH_SESSION_KV = new MemoryKVNamespace();
    const options = { pepperVariables: ['PEPPER', 'OLD_PEPPER'] };
    for (const more of [{}, { OLD_PEPPER: '' }, { OLD_PEPPER: `${PEPPER}, once` }]) {
      const sessions = open({ AUTH_SESSION_KV, PEPPER, ...more }, options);
      await sessions.set(TOKEN, sessionAt(Date.now()));
      expect(await sessions.get(TOKEN)).not.toBeNull();
    }
    expect(await keysOf(AUTH_SESSION_KV)).toEqual([expect.stringMatching(/^session:hmac:[0-9a-f]{64}$/)]);
  });

  test('refuses to go without the newest pepper, and shows none', async () => {
    const AUTH_SESSION_KV = new MemoryKVNamespace();
    for (const env of [{}, { PEPPER: '' }, { OLD_PEPPER: PEPPER }]) {
      const error = await errorOf(() =>
        open({ AUTH_SESSION_KV, ...env }, { pepperVariables: ['PEPPER', 'OLD_PEPPER'] }),
      );
      expect(error).toMatchObject({ code: 'MISSING_VARIABLE' });
      expect(error.message).toMatch(/env\.PEPPER is not set/);
      expect(error.message).not.toContain(PEPPER);
    }
    const short = await errorOf(() => open({ AUTH_SESSION_KV, PEPPER: 'short' }, { pepperVariables: ['PEPPER'] }));
    expect(short).toMatchObject({ code: 'INVALID_OPTION' });
    expect(short.message).not.toContain('short');
  });
});
