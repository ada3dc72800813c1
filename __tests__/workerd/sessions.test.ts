import type { Miniflare } from 'miniflare';
import { startWorker } from '../support/worker.js';

interface Answer {
  readonly value?: unknown;
  readonly code?: string;
  readonly events?: string[];
}

let miniflare: Miniflare;
let url: URL;

beforeAll(async () => {
  ({ miniflare, url } = await startWorker('sessions-worker.ts', {
    kvNamespaces: ['AUTH_SESSION_KV'],
    durableObjects: {
      SESSIONS: { className: 'SessionObject', useSQLite: true },
    },
    bindings: { PEPPER: 'a pepper for tests, 32 bytes long' },
  }));
});
afterAll(() => miniflare.dispose());

async function call(act: string, query: Record<string, string> = {}): Promise<Answer> {
  const target = new URL(url);
  for (const [name, value] of Object.entries({ act, ...query })) target.searchParams.set(name, value);
  const answer: unknown = await (await fetch(target)).json();
  return answer as Answer;
}

describe.each(['strong', 'weak'])('sessions in workerd, %s', (mode) => {
  const ask = (act: string, query: Record<string, string> = {}): Promise<Answer> =>
    call(act, { mode, user: `user-${mode}`, ...query });

  it('are kept, verified, ended, and not brought back by an old copy', async () => {
    const token = `one-${mode}`;
    const loadedAt = String(Date.now());
    await ask('set', { token, loadedAt });
    const expected = mode === 'strong' ? { freshness: 'verified', maxStalenessMs: 0 } : { freshness: 'cache' };
    expect((await ask('lookup', { token })).value).toMatchObject({ session: { token }, ...expected });
    expect(await ask('delete', { token })).toMatchObject({ value: null });
    expect((await ask('lookup', { token })).value).toBeNull();
    await ask('set', { token, loadedAt });
    expect((await ask('lookup', { token })).value).toBeNull();
  });

  it('are ended all at once, and later ones go on', async () => {
    for (const token of ['a', 'bb', 'ccc']) await ask('set', { token });
    await ask('deleteAll');
    for (const token of ['a', 'bb', 'ccc']) expect((await ask('lookup', { token })).value).toBeNull();
    // What is issued within the same millisecond is ended too.
    for (const start = Date.now(); Date.now() === start;);
    expect((await ask('load', { token: 'later' })).value).toMatchObject({ freshness: 'loaded' });
    expect((await ask('lookup', { token: 'later' })).value).not.toBeNull();
  });

  it('are listed without tokens and ended by id', async () => {
    const user = `lister-${mode}`;
    const token = `listed-token-${mode}`;
    await ask('set', { user, token });
    const { value } = await ask('list', { user });
    expect(value).toMatchObject([{ id: `id-${token.length}` }]);
    expect(JSON.stringify(value)).not.toContain(token);
    expect((await ask('deleteSession', { user, id: `id-${token.length}` })).value).toBe(true);
    expect((await ask('lookup', { token })).value).toBeNull();
    expect((await ask('list', { user })).value).toEqual([]);
  });

  it('are right for 50 at once, in one invocation and over HTTP', async () => {
    expect((await ask('many', { user: `many-${mode}` })).value).toEqual([50, 25, 0]);
    const tokens = Array.from({ length: 50 }, (_, index) => `http-${mode}-${index}`);
    const user = `http-${mode}`;
    await Promise.all(tokens.map((token) => ask('set', { token, user })));
    await Promise.all(tokens.map((token) => ask('delete', { token })));
    const found = await Promise.all(tokens.map((token) => ask('lookup', { token })));
    expect(found.filter(({ value }) => value !== null)).toEqual([]);
  });
});

describe('what stands in KV and in objects', () => {
  it('holds no token', async () => {
    await call('set', { token: 'a-secret-token' });
    await call('lookup', { token: 'a-secret-token' });
    await call('delete', { token: 'a-secret-token' });
    const kv = await miniflare.getKVNamespace('AUTH_SESSION_KV');
    const { keys } = await kv.list();
    const values = await Promise.all(keys.map(({ name }) => kv.get(name)));
    expect(keys.length).toBeGreaterThan(0);
    expect(JSON.stringify([keys, values])).not.toContain('a-secret-token');
  });
});

describe('what goes wrong', () => {
  it('is said: an end of nobody knows whose session, and a binding that is missing', async () => {
    expect(await call('delete', { token: 'never-seen' })).toEqual({ code: 'REVOCATION_FAILED' });
    expect(await call('lookup', { token: 'x', mode: 'misbound' })).toEqual({ code: 'MISSING_BINDING' });
  });
});

describe('a SessionObject', () => {
  it('answers over RPC', async () => {
    const objects = await miniflare.getDurableObjectNamespace('SESSIONS');
    const stub = objects.get(objects.idFromName('session:survivor')) as unknown as {
      check(request: object): Promise<{ revokedBefore: number; endedAt: number[] }>;
      endAll(request: object): Promise<{ revokedBefore: number }>;
    };
    const { revokedBefore } = await stub.endAll({ at: Date.now(), keepMs: 1000 });
    expect(revokedBefore).toBeGreaterThan(0);
    expect(await stub.check({ ids: ['x'] })).toEqual({ revokedBefore, endedAt: [0] });
  });

  it('cleans up when the time of all that it remembers is over', async () => {
    const objects = await miniflare.getDurableObjectNamespace('SESSIONS');
    const stub = objects.get(objects.idFromName('session:cleaned')) as unknown as {
      check(request: object): Promise<{ revokedBefore: number }>;
      endAll(request: object): Promise<{ revokedBefore: number }>;
    };
    // Not asked in between: on a machine that is busy it may be clean before it answers.
    expect((await stub.endAll({ at: Date.now(), keepMs: 50 })).revokedBefore).toBeGreaterThan(0);
    const start = Date.now();
    while ((await stub.check({ ids: [] })).revokedBefore > 0) expect(Date.now() - start).toBeLessThan(10_000);
  });
});
