import { container as tsyringe } from 'tsyringe';
import {
  AUTH_SESSION_KV,
  CACHE_CLIENT,
  CACHE_KV,
  CacheClient,
  createContainer,
  createRequestContainer,
  EVENT_SINK,
  LOCK_CLIENT,
  LockClient,
  memoryLocks,
  OPERATION_BUDGET,
  OperationBudget,
  provide,
  provideCache,
  provideCloudflareClients,
  provideKVClient,
  provideLocks,
  provideR2,
  provideRateLimiter,
  provideSessionCache,
  provideValue,
  R2_CLIENT,
  R2_CONFIG,
  R2Client,
  RATE_LIMITER_CLIENT,
  RateLimiterClient,
  SESSION_CACHE_CLIENT,
  SessionCacheClient,
  token,
} from '../../src/index.js';
import type { CachedSession, ClientEvent, KVClient } from '../../src/index.js';
import { MemoryKVNamespace } from '../../src/testing/memory-kv-namespace.js';
import { codeOf, errorOf } from '../support/kv.js';

const R2_VARIABLES = { R2_ACCOUNT_ID: 'a1', R2_ACCESS_KEY_ID: 'key-id', R2_SECRET_ACCESS_KEY: 'top-secret-value' };

const session: CachedSession = {
  session: { id: 's', userId: 'u', token: 't', expiresAt: new Date(Date.now() + 3_600_000).toISOString() },
  user: { id: 'u', email: 'u@example.com', name: 'U', role: 'creator', emailVerified: true },
};

function testEnv() {
  return {
    CACHE_KV: new MemoryKVNamespace(),
    AUTH_SESSION_KV: new MemoryKVNamespace(),
    RATE_LIMIT_KV: new MemoryKVNamespace(),
    LOCKS: memoryLocks(),
    ...R2_VARIABLES,
  };
}

describe('provideCloudflareClients', () => {
  const app = createContainer(provideCloudflareClients());

  it('provides each client by class and by token, the same instance within a scope', () => {
    const scope = app.scope({ env: testEnv() });
    expect(scope.resolve(CACHE_CLIENT)).toBe(scope.resolve(CacheClient));
    expect(scope.resolve(SESSION_CACHE_CLIENT)).toBe(scope.resolve(SessionCacheClient));
    expect(scope.resolve(RATE_LIMITER_CLIENT)).toBe(scope.resolve(RateLimiterClient));
    expect(scope.resolve(LOCK_CLIENT)).toBe(scope.resolve(LockClient));
    expect(scope.resolve(R2_CLIENT)).toBe(scope.resolve(R2Client));
    expect(scope.resolve(CacheClient)).toBeInstanceOf(CacheClient);
  });

  it('gives other instances to other scopes', () => {
    const env = testEnv();
    expect(app.scope({ env }).resolve(CacheClient)).not.toBe(app.scope({ env }).resolve(CacheClient));
  });

  it('wires the clients to the bindings of the seed', async () => {
    const env = testEnv();
    const scope = app.scope({ env });
    await scope.resolve(CacheClient).set('cache:a:b', 1, 60);
    await scope.resolve(SessionCacheClient).set('t', session);
    await scope.resolve(RateLimiterClient).checkLimit('ip', { limit: 1, window: 60, keyPrefix: 'rl:login:' });
    expect(await env.CACHE_KV.get('cache:a:b')).toBe('1');
    expect(await env.AUTH_SESSION_KV.get('session:t')).not.toBeNull();
    expect(await env.RATE_LIMIT_KV.get('rl:login:ip')).not.toBeNull();
    expect(await scope.resolve(LockClient).tryAcquire('job:1', { ttlMs: 1_000 })).not.toBeNull();
    expect(env.LOCKS.stored).toEqual(['job:1']);
  });

  it('asks for a binding only when its client is resolved', () => {
    const scope = app.scope({ env: { CACHE_KV: new MemoryKVNamespace() } });
    expect(scope.resolve(CacheClient)).toBeDefined();
    expect(() => scope.resolve(SessionCacheClient)).toThrow(/SESSION_CACHE_CLIENT -> AUTH_SESSION_KV/);
  });

  it('takes other names for bindings and variables', async () => {
    const env = {
      MY_CACHE: new MemoryKVNamespace(),
      MY_SESSIONS: new MemoryKVNamespace(),
      MY_LIMITS: new MemoryKVNamespace(),
      ACCOUNT: 'a2',
      R2_ACCESS_KEY_ID: 'k',
      R2_SECRET_ACCESS_KEY: 's',
    };
    const scope = createContainer(
      provideCloudflareClients({
        cache: { binding: 'MY_CACHE' },
        sessionCache: { binding: 'MY_SESSIONS', hashKeys: true },
        rateLimiter: { binding: 'MY_LIMITS' },
        r2: { variables: { accountId: 'ACCOUNT' } },
      }),
    ).scope({ env });
    await scope.resolve(CacheClient).set('cache:a:b', 1, 60);
    await scope.resolve(SessionCacheClient).set('t', session);
    await scope.resolve(RateLimiterClient).checkLimit('ip', { limit: 1, window: 60, keyPrefix: 'rl:' });
    expect(scope.resolve(R2_CONFIG)).toMatchObject({ accountId: 'a2' });
    expect((await env.MY_CACHE.list()).keys).toHaveLength(1);
    expect((await env.MY_SESSIONS.list()).keys[0]!.name).toMatch(/^session:sha256:/);
    expect((await env.MY_LIMITS.list()).keys).toHaveLength(1);
  });

  it('sends the events of every client to the sink of the scope', async () => {
    const events: ClientEvent[] = [];
    const sink = { emit: (event: ClientEvent) => void events.push(event) };
    const scope = app.with(provideValue(EVENT_SINK, sink)).scope({ env: testEnv() });
    await scope.resolve(CacheClient).get('cache:a:b');
    await scope.resolve(SessionCacheClient).get('t');
    const rule = { limit: 1, window: 60, keyPrefix: 'rl:' };
    await scope.resolve(RateLimiterClient).checkLimit('ip', rule);
    await scope.resolve(RateLimiterClient).checkLimit('ip', rule);
    expect(events.map(({ type }) => type)).toEqual([
      'cache.miss',
      'session.miss',
      'rate-limit.allowed',
      'rate-limit.denied',
    ]);
  });

  it('lets the execution context hold what goes on after the response', async () => {
    const held: Promise<unknown>[] = [];
    const ctx = { waitUntil: (promise: Promise<unknown>) => void held.push(promise) };
    const env = testEnv();
    const scope = app.scope({ env, ctx });
    await scope.resolve(RateLimiterClient).checkLimit('ip', { limit: 5, window: 60, keyPrefix: 'rl:' });
    expect(held).toHaveLength(1);
    await Promise.all(held);
    expect(await env.RATE_LIMIT_KV.get('rl:ip')).not.toBeNull();
    const rule = { limit: 5, window: 60, keyPrefix: 'rl:' };
    await scope.createChildContainer().resolve(RateLimiterClient).checkLimit('another', rule);
    expect(held).toHaveLength(2);
  });

  it('refuses an empty binding name when it is called', async () => {
    for (const provide of [provideCache, provideSessionCache, provideRateLimiter, provideLocks]) {
      expect(await codeOf(() => provide({ binding: '' }))).toBe('INVALID_OPTION');
    }
  });
});

describe('the operation budget of a scope', () => {
  const app = createContainer(provideCache(), provideSessionCache(), provideRateLimiter());

  test('is shared by its clients and apart from that of other scopes', async () => {
    const small = app.with(provide(OPERATION_BUDGET, () => new OperationBudget(2)));
    const env = testEnv();
    const scope = small.scope({ env });
    await scope.resolve(CacheClient).get('cache:a:1');
    await scope.resolve(SessionCacheClient).get('a-token');
    expect(env.CACHE_KV.operations).toBe(1);
    expect(await scope.resolve(CacheClient).lookup('cache:a:1')).toEqual({ status: 'miss', reason: 'error' });
    expect(env.CACHE_KV.operations).toBe(1);
    expect(await small.scope({ env }).resolve(CacheClient).lookup('cache:a:1')).toMatchObject({ reason: 'absent' });
  });

  test('is 1,000 operations unless the app provides another', () => {
    expect(app.scope({ env: testEnv() }).resolve(OPERATION_BUDGET).limit).toBe(1000);
  });
});

describe('provideR2', () => {
  const app = createContainer(provideR2());

  it('reads the config once per env', () => {
    const env = { ...R2_VARIABLES };
    expect(app.scope({ env }).resolve(R2_CONFIG)).toBe(app.scope({ env }).resolve(R2_CONFIG));
    expect(app.scope({ env: { ...env } }).resolve(R2_CONFIG)).not.toBe(app.scope({ env }).resolve(R2_CONFIG));
  });

  it.each(Object.keys(R2_VARIABLES))('names %s when it is missing or empty', async (name) => {
    for (const value of [undefined, '']) {
      const error = await errorOf(() => app.scope({ env: { ...R2_VARIABLES, [name]: value } }).resolve(R2Client));
      expect(error).toMatchObject({ code: 'MISSING_VARIABLE' });
      expect(error.message).toContain(`R2Client -> R2_CLIENT -> R2_CONFIG: env.${name} is not set`);
      expect(error.message).toContain(`wrangler secret put ${name}`);
    }
  });

  it.each([
    ['R2_ACCOUNT_ID', 'a.b/c'],
    ['R2_ACCOUNT_ID', 42],
    ['R2_ACCESS_KEY_ID', 'with space'],
    ['R2_SECRET_ACCESS_KEY', 'secret\nline'],
    ['R2_ENDPOINT', 'ftp://example.com'],
    ['R2_JURISDICTION', 'mars'],
  ])('refuses %s = %j without repeating any value', async (name, value) => {
    const error = await errorOf(() => app.scope({ env: { ...R2_VARIABLES, [name]: value } }).resolve(R2Client));
    expect(error).toMatchObject({ code: 'INVALID_CONFIG' });
    expect(error.message).toContain(`env.${name}`);
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      expect(cause.message).not.toContain(String(value));
      expect(cause.message).not.toContain('top-secret-value');
    }
  });

  it('takes the endpoint and the jurisdiction where they are set', () => {
    const env = { ...R2_VARIABLES, R2_ENDPOINT: 'http://127.0.0.1:9/cdn-cgi/local/r2/s3', R2_JURISDICTION: 'eu' };
    expect(app.scope({ env }).resolve(R2_CONFIG)).toMatchObject({ endpoint: env.R2_ENDPOINT, jurisdiction: 'eu' });
    expect(app.scope({ env: R2_VARIABLES }).resolve(R2_CONFIG)).not.toHaveProperty('endpoint');
  });
});

describe('provideR2 with bound buckets', () => {
  const bucket = { createMultipartUpload: () => undefined, list: () => Promise.resolve(LISTING) };
  const LISTING = { objects: [], delimitedPrefixes: [], truncated: false };
  const bindings = { 'codex-media-production': 'MEDIA' };
  const app = createContainer(provideR2({ bindings }));
  const media = { bucket: 'codex-media-production' };

  it('needs no variables for what goes by a binding', async () => {
    const r2 = app.scope({ env: { MEDIA: bucket } }).resolve(R2Client);
    expect(await r2.listFiles(media)).toEqual([]);
    const signing = r2.getSignedUrl({ ...media, key: 'k', expiresIn: 60 });
    await expect(signing).rejects.toMatchObject({ code: 'MISSING_CREDENTIALS' });
  });

  it('names a binding that is missing, and its entry in wrangler.jsonc, when it is first used', async () => {
    const r2 = app.scope({ env: { ...R2_VARIABLES } }).resolve(R2Client);
    expect(await r2.getSignedUrl({ ...media, key: 'k', expiresIn: 60 })).toContain('https://a1.r2');
    const entry = '"r2_buckets": [{ "binding": "MEDIA", "bucket_name": "codex-media-production" }]';
    await expect(r2.listFiles(media)).rejects.toMatchObject({
      code: 'MISSING_BINDING',
      message: `env.MEDIA is not bound. Add ${entry} to wrangler.jsonc.`,
    });
    const wrong = app.scope({ env: { MEDIA: new MemoryKVNamespace() } }).resolve(R2Client);
    await expect(wrong.listFiles(media)).rejects.toMatchObject({
      code: 'INVALID_BINDING',
      message: expect.stringContaining('env.MEDIA is not a bucket of R2') as string,
    });
  });

  it('takes the credentials where they are set, and reports those that are half set', async () => {
    const env = { MEDIA: bucket, ...R2_VARIABLES };
    expect(app.scope({ env }).resolve(R2_CONFIG)).toMatchObject({
      accountId: 'a1',
      bindings: { [media.bucket]: bucket },
    });
    const half = { ...env, R2_SECRET_ACCESS_KEY: '' };
    const error = await errorOf(() => app.scope({ env: half }).resolve(R2Client));
    expect(error).toMatchObject({ code: 'MISSING_VARIABLE' });
    expect(error.message).toContain('env.R2_SECRET_ACCESS_KEY is not set');
  });

  it('reads each env for itself', async () => {
    const other = { ...bucket, list: () => Promise.resolve({ ...LISTING, objects: [{ key: 'k' }] }) };
    const list = (MEDIA: object) => app.scope({ env: { MEDIA } }).resolve(R2Client).listFiles(media);
    expect([await list(bucket), await list(other)].map((files) => files.length)).toEqual([0, 1]);
  });

  it('passes through provideCloudflareClients', async () => {
    const all = createContainer(provideCloudflareClients({ r2: { bindings } }));
    expect(
      await all
        .scope({ env: { MEDIA: bucket } })
        .resolve(R2Client)
        .listFiles(media),
    ).toEqual([]);
  });

  it('refuses what is no name when it is called', async () => {
    expect(await codeOf(() => provideR2({ bindings: { media: '' } }))).toBe('INVALID_OPTION');
    expect(await codeOf(() => provideR2({ bindings: { media: bucket as never } }))).toBe('INVALID_OPTION');
  });
});

describe('provideKVClient', () => {
  it('provides one client per namespace', async () => {
    const FLAGS = token<KVClient>('FLAGS');
    const TEXTS = token<KVClient>('TEXTS');
    const env = { FLAGS_KV: new MemoryKVNamespace(), TEXTS_KV: new MemoryKVNamespace() };
    const scope = createContainer(
      provideKVClient(FLAGS, { binding: 'FLAGS_KV' }),
      provideKVClient(TEXTS, { binding: 'TEXTS_KV' }),
    ).scope({ env });
    await scope.resolve(FLAGS).put('beta', true, { ttlSeconds: 60 });
    expect(await env.FLAGS_KV.get('beta')).toBe('true');
    expect(await scope.resolve(TEXTS).get('beta')).toBeNull();
    expect(scope.resolve(FLAGS)).toBe(scope.resolve(FLAGS));
  });
});

describe('createRequestContainer', () => {
  it('opens a scope with every client', async () => {
    const env = testEnv();
    const held: Promise<unknown>[] = [];
    const scope = createRequestContainer(env, { waitUntil: (promise) => void held.push(promise) });
    await scope.resolve(CacheClient).set('cache:a:b', 1, 60);
    expect(await env.CACHE_KV.get('cache:a:b')).toBe('1');
    expect(scope).not.toBe(createRequestContainer(env));
  });
});

describe('a container made with tsyringe alone', () => {
  it('builds the clients from the bindings registered under our tokens', async () => {
    const child = tsyringe.createChildContainer();
    const kv = new MemoryKVNamespace();
    child.register(CACHE_KV, { useValue: kv });
    child.register(AUTH_SESSION_KV, { useValue: kv });
    child.register(R2_CONFIG, { useValue: { accountId: 'a', accessKeyId: 'b', secretAccessKey: 'c' } });
    await child.resolve(CacheClient).set('cache:a:b', 1, 60);
    expect(await kv.get('cache:a:b')).toBe('1');
    expect(child.resolve(SessionCacheClient)).toBeInstanceOf(SessionCacheClient);
    expect(child.resolve(R2Client)).toBeInstanceOf(R2Client);
  });
});
