import type { KVNamespace } from '@cloudflare/workers-types';
import { CacheClient, R2Client, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
import type { CachedSession } from '@codex/cloudflare-clients';
import { MemoryKVNamespace } from '@codex/cloudflare-clients/testing';
import { startS3Server } from '../support/s3-server.js';
import type { S3Server } from '../support/s3-server.js';
import { GET } from './examples/content.server.js';
import { handle } from './examples/hooks.server.js';
import { POST } from './examples/login.server.js';
import queueConsumer from './examples/queue-consumer.js';
import webhookHandler from './examples/webhook-handler.js';

const findMany = jest.fn(async (): Promise<unknown[]> => [{ id: 'c1', title: 'Intro' }]);
const fetchSessionFromDB = jest.fn(async (): Promise<CachedSession | undefined> => session);

jest.mock(
  '@sveltejs/kit',
  () => ({ fail: (status: number, data: unknown) => ({ status, data }), json: (data: unknown) => Response.json(data) }),
  { virtual: true },
);
jest.mock(
  '@codex/database',
  () => ({
    db: { query: { content: { findMany: () => findMany() } } },
    content: { categoryId: 'category_id' },
    eq: (column: string, value: string) => ({ column, value }),
    fetchSessionFromDB: () => fetchSessionFromDB(),
  }),
  { virtual: true },
);

const session: CachedSession = {
  session: {
    id: 'session-id',
    userId: 'user-id',
    token: 'session-token-123',
    expiresAt: '2025-11-16T00:00:00Z',
  },
  user: {
    id: 'user-id',
    email: 'user@example.com',
    name: 'John Doe',
    role: 'creator',
    emailVerified: true,
  },
};

/** The seed's session expires on 2025-11-16: its examples live on the day before. */
const THE_DAY_BEFORE = Date.parse('2025-11-15T12:00:00Z');

let env: { AUTH_SESSION_KV: KVNamespace; RATE_LIMIT_KV: KVNamespace; CACHE_KV: KVNamespace };

beforeEach(() => {
  jest.spyOn(Date, 'now').mockReturnValue(THE_DAY_BEFORE);
  findMany.mockClear();
  fetchSessionFromDB.mockClear();
  const kv = () => new MemoryKVNamespace({ now: () => Date.now() }) as unknown as KVNamespace;
  env = { AUTH_SESSION_KV: kv(), RATE_LIMIT_KV: kv(), CACHE_KV: kv() };
});

afterEach(() => jest.restoreAllMocks());

describe('the planned API of the session cache client', () => {
  it('caches, returns and forgets a session', async () => {
    const sessionCache = new SessionCacheClient(env.AUTH_SESSION_KV);
    await sessionCache.set('session-token-123', session);
    const cached = await sessionCache.get('session-token-123');
    expect(cached?.user.email).toBe('user@example.com');
    expect(cached).toEqual(session);
    expect((await env.AUTH_SESSION_KV.list()).keys.map(({ name }) => name)).toEqual(['session:session-token-123']);
    await sessionCache.delete('session-token-123');
    expect(await sessionCache.get('session-token-123')).toBeNull();
  });
});

describe('the planned API of the rate limiter client', () => {
  it('checks, counts and resets a limit', async () => {
    const rateLimiter = new RateLimiterClient(env.RATE_LIMIT_KV);
    const config = {
      limit: 5, // Max 5 attempts
      window: 900, // 15 minutes
      keyPrefix: 'rl:login:',
    };
    const results = [];
    for (let attempt = 0; attempt < 6; attempt += 1) results.push(await rateLimiter.checkLimit('192.168.1.1', config));
    expect(results.map(({ allowed }) => allowed)).toEqual([true, true, true, true, true, false]);
    expect(results.map(({ remaining }) => remaining)).toEqual([4, 3, 2, 1, 0, 0]);
    expect(new Date(results[0]!.resetAt).toISOString()).toBe('2025-11-15T12:15:00.000Z');

    await rateLimiter.reset('192.168.1.1', 'rl:login:');
    expect((await rateLimiter.checkLimit('192.168.1.1', config)).allowed).toBe(true);
  });
});

describe('the planned API of the cache client', () => {
  interface Content {
    id: string;
  }

  it('sets, gets and deletes', async () => {
    const cache = new CacheClient(env.CACHE_KV);
    const featuredContent: Content[] = [{ id: 'c1' }];
    await cache.set('cache:content:featured', featuredContent, 1800); // 30 min TTL
    expect(await cache.get<Content[]>('cache:content:featured')).toEqual(featuredContent);
    await cache.delete('cache:content:featured');
    expect(await cache.get<Content[]>('cache:content:featured')).toBeNull();
  });

  it('reads through', async () => {
    const cache = new CacheClient(env.CACHE_KV);
    const load = async (): Promise<unknown> =>
      cache.getOrSet(
        'cache:content:published:category-123',
        300, // 5 min TTL
        async () => findMany(),
      );
    expect(await load()).toEqual([{ id: 'c1', title: 'Intro' }]);
    expect(await load()).toEqual([{ id: 'c1', title: 'Intro' }]);
    expect(findMany).toHaveBeenCalledTimes(1);
  });

  it('invalidates in batches', async () => {
    const cache = new CacheClient(env.CACHE_KV);
    await cache.set('cache:content:featured', [], 60);
    await cache.set('cache:content:published:category-123', [], 60);
    await cache.deleteMany(['cache:content:featured', 'cache:content:published:category-123']);
    expect((await env.CACHE_KV.list()).keys).toEqual([]);
  });
});

describe('the usage examples in a SvelteKit application', () => {
  const resolve = async () => new Response('page');
  const eventWith = (more: object) => ({ platform: { env }, locals: { user: undefined }, ...more }) as never;

  it('fills the session cache from the database, and then reads it', async () => {
    const cookies = { get: () => 'session-token-123' };
    const first = { platform: { env }, locals: { user: undefined as unknown }, cookies };
    await handle({ event: first as never, resolve });
    const second = { platform: { env }, locals: { user: undefined as unknown }, cookies };
    await handle({ event: second as never, resolve });
    expect(fetchSessionFromDB).toHaveBeenCalledTimes(1);
    expect(first.locals.user).toEqual(session.user);
    expect(second.locals).toEqual({ user: session.user, session: session.session });
  });

  it('works without a platform and without a session', async () => {
    const anonymous = { locals: { user: undefined as unknown }, cookies: { get: () => undefined } };
    await handle({ event: anonymous as never, resolve });
    expect(anonymous.locals.user).toBeNull();
    const local = { locals: { user: undefined as unknown }, cookies: { get: () => 'session-token-123' } };
    await handle({ event: local as never, resolve });
    expect(local.locals.user).toEqual(session.user);
  });

  it('refuses the sixth login', async () => {
    const event = eventWith({ getClientAddress: () => '203.0.113.7' });
    for (let attempt = 0; attempt < 5; attempt += 1) expect(await POST(event)).toBeInstanceOf(Response);
    expect(await POST(event)).toEqual({ status: 429, data: { error: 'Too many login attempts' } });
  });

  it('serves content from the cache', async () => {
    const event = eventWith({ url: new URL('https://codex.example/api/content?category=news') });
    for (let call = 0; call < 2; call += 1) {
      expect(await ((await GET(event)) as Response).json()).toEqual([{ id: 'c1', title: 'Intro' }]);
    }
    expect(findMany).toHaveBeenCalledTimes(1);
    await GET({ url: new URL('https://codex.example/api/content') } as never);
    expect(findMany).toHaveBeenCalledTimes(2);
  });
});

describe('the usage examples in Workers', () => {
  it('keeps the transcoding status for a minute', async () => {
    const batch = { messages: [{ body: { mediaId: 'm1' } }] } as unknown as MessageBatch<{ mediaId: string }>;
    await queueConsumer.queue(batch, env as never);
    expect(await new CacheClient(env.CACHE_KV).get('cache:media:status:m1')).toEqual({
      status: 'transcoding',
      progress: 0,
    });
  });

  it('invalidates a session from a webhook', async () => {
    const sessionCache = new SessionCacheClient(env.AUTH_SESSION_KV);
    await sessionCache.set('session-token-123', session);
    const request = new Request('https://codex.example/', { method: 'POST', body: 'session-token-123' });
    expect(await (await webhookHandler.fetch(request, env)).text()).toBe('OK');
    expect(await sessionCache.get('session-token-123')).toBeNull();
  });
});

describe('the planned API of the R2 client', () => {
  let server: S3Server;

  beforeAll(async () => {
    server = await startS3Server({ buckets: ['codex-media-production'] });
  });
  afterAll(() => server.stop());

  it('uploads, signs, downloads, lists and deletes', async () => {
    jest.restoreAllMocks();
    const variables = {
      R2_ACCOUNT_ID: server.config.accountId,
      R2_ACCESS_KEY_ID: server.config.accessKeyId,
      R2_SECRET_ACCESS_KEY: server.config.secretAccessKey,
    };
    const creatorId = 'creator-1';
    const mediaId = 'media-1';
    const fileBuffer = Buffer.from('not really a film');
    const r2 = new R2Client({
      accountId: variables.R2_ACCOUNT_ID,
      accessKeyId: variables.R2_ACCESS_KEY_ID,
      secretAccessKey: variables.R2_SECRET_ACCESS_KEY,
      endpoint: server.endpoint,
    });

    // Upload a file
    await r2.uploadFile({
      bucket: 'codex-media-production',
      key: `${creatorId}/originals/${mediaId}/original.mp4`,
      body: fileBuffer,
      contentType: 'video/mp4',
    });

    // Generate signed URL for secure access
    const signedUrl = await r2.getSignedUrl({
      bucket: 'codex-media-production',
      key: `${creatorId}/originals/${mediaId}/original.mp4`,
      expiresIn: 3600, // 1 hour
    });
    expect(await (await fetch(signedUrl)).text()).toBe('not really a film');

    // Download a file
    const file = await r2.downloadFile({
      bucket: 'codex-media-production',
      key: `${creatorId}/originals/${mediaId}/original.mp4`,
    });
    expect(file?.contentType).toBe('video/mp4');
    expect(await file?.text()).toBe('not really a film');

    // Delete a file
    await r2.deleteFile({
      bucket: 'codex-media-production',
      key: `${creatorId}/originals/${mediaId}/original.mp4`,
    });

    // List files in a bucket with prefix
    await r2.uploadFile({
      bucket: 'codex-media-production',
      key: `${creatorId}/hls/${mediaId}/master.m3u8`,
      body: '#EXTM3U\n',
    });
    const files = await r2.listFiles({
      bucket: 'codex-media-production',
      prefix: `${creatorId}/hls/${mediaId}/`,
    });
    expect(files.map(({ key }) => key)).toEqual([`${creatorId}/hls/${mediaId}/master.m3u8`]);

    // Delete all files for a creator (prefix deletion)
    await r2.deletePrefix({
      bucket: 'codex-media-production',
      prefix: `${creatorId}/`,
    });
    expect(await r2.listFiles({ bucket: 'codex-media-production' })).toEqual([]);
  });
});
