import { SessionCacheClient } from '../../../../src/clients/kv/session/session-cache-client.js';
import type { SessionCacheClientOptions } from '../../../../src/clients/kv/session/session-options.js';
import type { CachedSession } from '../../../../src/clients/kv/session/session.js';
import { ManualClock, MemoryKVNamespace, RecordingSink } from '../../../../src/testing.js';
import { codeOf, errorOf, fc } from '../../../support/kv.js';

const TOKEN = 'session-token-123';
const DAY_MS = 86_400_000;

function setup(options: SessionCacheClientOptions = {}) {
  const clock = new ManualClock();
  const kv = new MemoryKVNamespace({ now: clock.now });
  const sink = new RecordingSink();
  const sessions = new SessionCacheClient(kv, { now: clock.now, events: sink, ...options });
  return { clock, kv, sink, sessions };
}

function sessionOf(clock: ManualClock, lifetimeMs = 3_600_000, token = TOKEN, userId = 'user-id'): CachedSession {
  return {
    session: {
      id: 'session-id',
      userId,
      token,
      expiresAt: new Date(clock.now() + lifetimeMs).toISOString(),
      userAgent: 'Firefox',
    },
    user: { id: userId, email: 'user@example.com', name: 'John Doe', role: 'creator', emailVerified: true },
  };
}

describe.each([{ hashKeys: false }, { hashKeys: true }])('SessionCacheClient with %p', (options) => {
  test('gives back a session until it is deleted', async () => {
    const { clock, sessions, sink } = setup(options);
    expect(await sessions.get(TOKEN)).toBeNull();
    await sessions.set(TOKEN, sessionOf(clock));
    expect(await sessions.get(TOKEN)).toEqual(sessionOf(clock));
    await sessions.delete(TOKEN);
    expect(await sessions.get(TOKEN)).toBeNull();
    expect(sink.events.map((event) => event.type)).toEqual([
      'session.miss',
      'session.hit',
      'session.revoked',
      'session.miss',
    ]);
  });

  test.each([1000, 59_999, 60_000, 3_600_000])(
    'ends with a session that lasts %p ms, to the millisecond',
    async (lifetimeMs) => {
      const { clock, sessions, sink } = setup(options);
      await sessions.set(TOKEN, sessionOf(clock, lifetimeMs));
      clock.advance(lifetimeMs - 1);
      expect(await sessions.get(TOKEN)).not.toBeNull();
      clock.advance(1);
      expect(await sessions.get(TOKEN)).toBeNull();
      expect(sink.ofType('session.miss')[0]?.reason).toMatch(/expired|absent/);
    },
  );

  test('keeps a session of 30 days for 24 hours', async () => {
    const { clock, kv, sessions } = setup(options);
    await sessions.set(TOKEN, sessionOf(clock, 30 * DAY_MS));
    expect((await kv.list()).keys[0]?.expiration).toBe((clock.now() + DAY_MS) / 1000);
    clock.advance(DAY_MS - 1);
    expect(await sessions.get(TOKEN)).not.toBeNull();
    clock.advance(1);
    expect(await sessions.get(TOKEN)).toBeNull();
  });

  test('writes nothing for an expired session, and deletes what is there', async () => {
    const { clock, kv, sessions } = setup(options);
    await sessions.set(TOKEN, sessionOf(clock));
    await sessions.set(TOKEN, sessionOf(clock, 0));
    expect(kv.counts).toMatchObject({ put: 1, delete: 1 });
    expect((await kv.list()).keys).toEqual([]);
  });

  test('ends all sessions of a user that were cached so far, and no others', async () => {
    const { clock, sessions, sink } = setup(options);
    await sessions.set('t1', sessionOf(clock, DAY_MS, 't1'));
    await sessions.set('t2', sessionOf(clock, DAY_MS, 't2'));
    await sessions.set('t3', sessionOf(clock, DAY_MS, 't3', 'other'));
    await sessions.deleteAllForUser('user-id');
    expect([await sessions.get('t1'), await sessions.get('t2')]).toEqual([null, null]);
    expect(sink.ofType('session.miss').map(({ reason }) => reason)).toEqual(['revoked', 'revoked']);
    expect(await sessions.get('t3')).not.toBeNull();
    clock.advance(1);
    await sessions.set('t1', sessionOf(clock, DAY_MS, 't1'));
    expect(await sessions.get('t1')).not.toBeNull();
  });

  test('remembers the end of sessions for longer than any of them lives', async () => {
    const { clock, sessions } = setup(options);
    await sessions.set(TOKEN, sessionOf(clock, 30 * DAY_MS));
    await sessions.deleteAllForUser('user-id');
    for (let hour = 0; hour < 25; hour += 1) {
      expect(await sessions.get(TOKEN)).toBeNull();
      clock.advance(3_600_000);
    }
  });

  test('is a miss when the entry or the end of sessions cannot be read, and reports it', async () => {
    const { clock, kv, sessions, sink } = setup(options);
    await sessions.set(TOKEN, sessionOf(clock));
    kv.failNext('get');
    expect(await sessions.get(TOKEN)).toBeNull();
    kv.heal();
    const get = kv.get;
    Object.assign(kv, { get: async () => Promise.reject(new Error('down')) });
    expect(await sessions.get(TOKEN)).toBeNull();
    Object.assign(kv, { get });
    expect(await sessions.get(TOKEN)).not.toBeNull();
    expect(sink.ofType('session.miss').map(({ reason }) => reason)).toEqual(['error', 'error']);
    expect(sink.ofType('client.error').map(({ keyPrefix }) => keyPrefix)).toEqual(['session:', 'session-revoked:']);
  });

  test('is a miss when KV hangs', async () => {
    jest.useFakeTimers();
    const { kv, sessions } = setup({ ...options, timeoutMs: 50 });
    kv.hang();
    const found = sessions.get(TOKEN);
    await jest.advanceTimersByTimeAsync(50);
    jest.useRealTimers();
    expect(await found).toBeNull();
  });

  test('goes on when 50 requests fill the cache at once, of which KV refuses 49', async () => {
    const clock = new ManualClock();
    const kv = new MemoryKVNamespace({ now: clock.now, writesPerSecondPerKey: true });
    const sink = new RecordingSink();
    const sessions = new SessionCacheClient(kv, { now: clock.now, events: sink, ...options });
    await Promise.all(Array.from({ length: 50 }, () => sessions.set(TOKEN, sessionOf(clock))));
    expect(await sessions.get(TOKEN)).toEqual(sessionOf(clock));
    const codes = sink.ofType('client.error').map(({ code }) => code);
    expect(codes).toEqual(Array<string>(49).fill('KV_RATE_LIMITED'));
  });

  test('reports a write that failed and throws an end that failed, without the token anywhere', async () => {
    const { clock, kv, sessions, sink } = setup(options);
    const error = new Error(`refused session:${TOKEN} and ${encodeURIComponent(TOKEN)}`);
    kv.failAll('put', error);
    await sessions.set(TOKEN, sessionOf(clock));
    kv.heal();
    // A mark has a key without the token; the entry that is dropped has one with it.
    kv.failAll('put');
    kv.failAll('delete', error);
    const thrownByDelete = await errorOf(() => sessions.delete(TOKEN));
    expect(thrownByDelete).toMatchObject({ code: 'KV_WRITE_FAILED' });
    const reported = sink.ofType('client.error');
    expect(reported.map(({ code }) => code)).toEqual(['KV_WRITE_FAILED', 'KV_DELETE_FAILED']);
    for (const thrown of [thrownByDelete, ...reported.map((event) => event.error as Error)]) {
      expect(thrown).toMatchObject({ name: 'CloudflareClientError' });
      const texts = [thrown.message, thrown.stack, String(thrown.cause), (thrown.cause as Error | undefined)?.stack];
      if (!options.hashKeys) expect(texts.join()).not.toContain(TOKEN);
    }
    expect(await codeOf(() => sessions.deleteAllForUser('user-id'))).toBe('KV_WRITE_FAILED');
  });
});

describe('SessionCacheClient', () => {
  test('uses the key of the seed, and with hashKeys one that does not hold the token', async () => {
    const { clock, kv, sessions } = setup();
    await sessions.set(TOKEN, sessionOf(clock));
    expect((await kv.list()).keys.map((key) => key.name)).toEqual([`session:${TOKEN}`]);

    const hashed = setup({ hashKeys: true });
    await hashed.sessions.set(TOKEN, sessionOf(hashed.clock));
    const [key] = (await hashed.kv.list()).keys;
    expect(key?.name).toMatch(/^session:sha256:[0-9a-f]{64}$/);
    expect(await hashed.kv.get(key!.name)).not.toContain(TOKEN);
    expect(JSON.stringify(key)).not.toContain(TOKEN);
  });

  test('a plain client does not take a hashed entry for a session', async () => {
    const { clock, kv, sessions } = setup({ hashKeys: true });
    await sessions.set(TOKEN, sessionOf(clock));
    const [key] = (await kv.list()).keys;
    const plain = new SessionCacheClient(kv, { now: clock.now });
    expect(await plain.get(key!.name.slice('session:'.length))).toBeNull();
  });

  test('does not keep fields that it does not know', async () => {
    const { clock, kv, sessions } = setup();
    const value = sessionOf(clock);
    Object.assign(value.user, { passwordHash: 'hunter2' });
    await sessions.set(TOKEN, value);
    expect(await kv.get(`session:${TOKEN}`)).not.toContain('hunter2');
  });

  const breaks: [string, (value: Record<string, Record<string, unknown>>) => unknown][] = [
    ['no session', (value) => delete value['session']],
    ['a null session', (value) => (value['session'] = null as never)],
    ['no user', (value) => delete value['user']],
    ['a list for a user', (value) => (value['user'] = [] as never)],
    ...['id', 'userId', 'token', 'expiresAt'].map(
      (field) => [`no session.${field}`, (value: never) => (value['session'][field] = undefined as never)] as never,
    ),
    ...['id', 'email', 'name', 'role', 'emailVerified'].map(
      (field) => [`a number for user.${field}`, (value: never) => (value['user'][field] = 5 as never)] as never,
    ),
    ['an unknown role', (value) => (value['user']!['role'] = 'admin')],
    ['a role that is a property of every object', (value) => (value['user']!['role'] = 'constructor')],
    ['an expiry that is no date', (value) => (value['session']!['expiresAt'] = 'tomorrow')],
    ['a null address', (value) => (value['session']!['ipAddress'] = null)],
    ['another token', (value) => (value['session']!['token'] = 'other')],
    ['another user', (value) => (value['session']!['userId'] = 'other')],
    ['an empty user id', (value) => (value['session']!['userId'] = value['user']!['id'] = '')],
  ];

  test.each(breaks)('refuses to keep %s, and takes it for a miss when stored', async (_what, spoil) => {
    const { clock, kv, sessions, sink } = setup();
    const value = sessionOf(clock);
    spoil(value as never);
    const error = await errorOf(() => sessions.set(TOKEN, value));
    expect(error).toMatchObject({ code: 'INVALID_VALUE' });
    expect(error.message).not.toMatch(/session-token-123|user@example/);
    expect(kv.operations).toBe(0);
    const metadata = { v: 1, c: clock.now(), e: clock.now() + 60_000 };
    await kv.put(`session:${TOKEN}`, JSON.stringify(value), { metadata });
    expect(await sessions.get(TOKEN)).toBeNull();
    expect(sink.ofType('session.miss')).toEqual([{ type: 'session.miss', reason: 'corrupt' }]);
  });

  test('checks the session expiry itself, whatever the entry claims', async () => {
    const { clock, kv, sessions } = setup();
    const metadata = { v: 1, c: clock.now(), e: clock.now() + DAY_MS };
    await kv.put(`session:${TOKEN}`, JSON.stringify(sessionOf(clock, 1000)), { metadata });
    clock.advance(1000);
    expect(await sessions.get(TOKEN)).toBeNull();
  });

  test('reads a whole entry that something else wrote, until it expires or the user is revoked at any time', async () => {
    const { clock, kv, sessions } = setup();
    await kv.put(`session:${TOKEN}`, JSON.stringify(sessionOf(clock)));
    expect(await sessions.get(TOKEN)).toEqual(sessionOf(clock));
    await sessions.deleteAllForUser('user-id');
    expect(await sessions.get(TOKEN)).toBeNull();
    await kv.delete('session-revoked:user-id');
    clock.advance(3_600_000);
    expect(await sessions.get(TOKEN)).toBeNull();
  });

  test('takes an entry for a miss when the end of all sessions is unreadable', async () => {
    const { clock, kv, sessions } = setup();
    await sessions.set(TOKEN, sessionOf(clock));
    await kv.put('session-revoked:user-id', 'yesterday');
    expect(await sessions.get(TOKEN)).toBeNull();
  });

  test('never logs in on arbitrary stored text, and never throws', async () => {
    const { clock, kv, sessions } = setup();
    const hashed = new SessionCacheClient(kv, { now: clock.now, hashKeys: true });
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(TOKEN));
    const hashedKey = `session:sha256:${Buffer.from(digest).toString('hex')}`;
    const texts = fc.oneof(fc.string(), fc.json(), fc.constantFrom('null', '{"session":null}', '{"session":[]}', '[]'));
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const metadata = { v: 1, c: clock.now(), e: clock.now() + 60_000 };
        await kv.put(`session:${TOKEN}`, text, { metadata });
        await kv.put(hashedKey, text, { metadata });
        expect(await sessions.get(TOKEN)).toBeNull();
        expect(await hashed.get(TOKEN)).toBeNull();
      }),
    );
  });

  test.each(['', 'x'.repeat(505), 'é'.repeat(300), 'a\ud800', 5, undefined])(
    'refuses the token %p before KV is asked, without showing it',
    async (token) => {
      const { clock, kv, sessions } = setup();
      const bad = token as string;
      for (const act of [
        ...(typeof token === 'string' ? [] : [() => sessions.get(bad)]),
        () => sessions.delete(bad),
        () => sessions.set(bad, sessionOf(clock)),
      ]) {
        const error = await errorOf(act);
        expect(error).toMatchObject({ code: 'INVALID_KEY' });
        if (typeof token === 'string' && token !== '') expect(error.message).not.toContain(bad.slice(0, 20));
      }
      expect(kv.operations).toBe(0);
    },
  );

  test.each(['', 'x'.repeat(505), 'é'.repeat(300), 'a\ud800'])(
    'takes a cookie that no session can have for a miss, without a read: %p',
    async (token) => {
      const { kv, sessions } = setup();
      expect(await sessions.get(token)).toBeNull();
      expect(kv.operations).toBe(0);
    },
  );

  test.each(['', 'u'.repeat(497), undefined])('refuses the user id %p before KV is asked', async (userId) => {
    const { kv, sessions } = setup();
    expect(await codeOf(() => sessions.deleteAllForUser(userId as string))).toBe('INVALID_KEY');
    expect(kv.operations).toBe(0);
  });
});
