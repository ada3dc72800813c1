import { OperationBudget } from '../../../../src/clients/kv/operation-budget.js';
import { codeOf, deferred } from '../../../support/kv.js';
import { DAY_MS, keysOf, sessionAt, setupSessions, setupStrong, TOKEN, USER } from '../../../support/sessions.js';

/** The keys of each read, in order. */
function watchReads(kv: ReturnType<typeof setupSessions>['kv']): string[][] {
  const reads: string[][] = [];
  for (const method of ['get', 'getWithMetadata'] as const) {
    const real = kv[method].bind(kv) as (keys: string | string[], type: unknown) => unknown;
    const watched = (keys: string | string[], type: unknown): unknown => {
      reads.push([keys].flat().map((key) => key.replace(/[0-9a-f]{64}$/, '#')));
      return real(keys, type);
    };
    Object.assign(kv, { [method]: watched });
  }
  return reads;
}

describe('what a read costs', () => {
  test('a miss is one read of one key', async () => {
    const { kv, sessions } = setupSessions();
    const reads = watchReads(kv);
    expect(await sessions.get(TOKEN)).toBeNull();
    expect(reads).toEqual([[`session:${TOKEN}`]]);
  });

  test('a first hit is two operations, as it was before there were marks of single sessions', async () => {
    const { kv, sessions, clock } = setupSessions();
    await sessions.set(TOKEN, sessionAt(clock.now()));
    const reads = watchReads(kv);
    expect(await sessions.get(TOKEN)).not.toBeNull();
    expect(reads).toEqual([[`session:${TOKEN}`], [`session-revoked:${USER}`, 'session-ended:#']]);
  });

  test('a later hit in this isolate is one operation, by whatever client', async () => {
    const { kv, make, clock } = setupSessions();
    await make().set(TOKEN, sessionAt(clock.now()));
    await make().get(TOKEN);
    const reads = watchReads(kv);
    expect(await make().get(TOKEN)).not.toBeNull();
    expect(reads).toEqual([[`session:${TOKEN}`, `session-revoked:${USER}`, 'session-ended:#']]);
  });

  test('a hit is one operation when the caller names the user', async () => {
    const { kv, sessions, clock } = setupSessions({ hashKeys: true });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    const reads = watchReads(kv);
    expect(await sessions.get(TOKEN, { userId: USER })).not.toBeNull();
    expect(reads).toEqual([['session:sha256:#', `session-revoked:${USER}`, 'session-ended:#']]);
  });

  test.each(['somebody-else', '', 'u'.repeat(600)])(
    'a wrong name of the user (%#) costs a second operation and changes nothing else',
    async (userId) => {
      const { kv, sessions, clock } = setupSessions();
      await sessions.set(TOKEN, sessionAt(clock.now()));
      expect(await sessions.get(TOKEN, { userId })).not.toBeNull();
      expect(kv.counts.get).toBe(2);
      await sessions.deleteAllForUser(USER);
      expect(await sessions.get(TOKEN, { userId })).toBeNull();
    },
  );

  test('a strong hit is as many operations, and one call of an object', async () => {
    const { kv, objects, sessions, clock } = setupStrong();
    expect(await sessions.get(TOKEN)).toBeNull();
    expect(objects.calls).toBe(0);
    await sessions.set(TOKEN, sessionAt(clock.now()));
    await sessions.get(TOKEN);
    const before = kv.counts.get;
    expect(await sessions.get(TOKEN)).not.toBeNull();
    expect(kv.counts.get - before).toBe(1);
    expect(objects.calls).toBe(2);
    expect(objects.stored).toEqual([]);
  });

  test('a strong hit without marks is one read of one key from the first on, and of two with sliding expiry', async () => {
    for (const sliding of [undefined, { idleSeconds: 1800, refreshAfterSeconds: 300 }]) {
      const { kv, objects, make, clock } = setupStrong({ readMarks: false, sliding });
      await make().set(TOKEN, sessionAt(clock.now()));
      const keys = jest.spyOn(kv, 'getWithMetadata');
      for (let hit = 1; hit <= 3; hit += 1) {
        expect(await make().lookup(TOKEN)).toMatchObject({ freshness: 'verified', maxStalenessMs: 0 });
        expect(kv.counts.get).toBe(hit);
        expect(objects.calls).toBe(hit);
      }
      expect([...new Set(keys.mock.calls.map(([key]) => [key].flat().length))]).toEqual([
        sliding === undefined ? 1 : 2,
      ]);
      await make().getOrLoad(TOKEN, async () => sessionAt(clock.now()), { requireFresh: true });
      expect(kv.counts.get).toBe(3);
    }
  });

  test('a write is one write, and one more with a list; an end is one write and one delete', async () => {
    const { kv, make, clock } = setupSessions();
    await make().set(TOKEN, sessionAt(clock.now()));
    expect(kv.counts).toEqual({ get: 0, put: 1, delete: 0, list: 0 });
    await make({ index: true }).set(TOKEN, sessionAt(clock.now()));
    expect(kv.counts.put).toBe(3);
    await make().delete(TOKEN);
    expect(kv.counts).toEqual({ get: 0, put: 4, delete: 1, list: 0 });
    await make().deleteAllForUser(USER);
    expect(kv.counts).toEqual({ get: 0, put: 5, delete: 1, list: 0 });
  });

  test('getOrLoad that misses reads the entry, then the marks, and writes the entry', async () => {
    const { kv, sessions, clock } = setupSessions();
    await sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now()));
    expect(kv.counts).toEqual({ get: 2, put: 1, delete: 0, list: 0 });
  });
});

describe('lookup', () => {
  test('says that KV alone can be a minute behind', async () => {
    const { sessions, clock } = setupSessions();
    await sessions.set(TOKEN, sessionAt(clock.now()));
    expect(await sessions.lookup(TOKEN)).toEqual({
      ...sessionAt(clock.now()),
      freshness: 'cache',
      maxStalenessMs: 60_000,
      staleness: 'kv-cache',
    });
  });

  test('gives null where get does', async () => {
    const { sessions, sink, clock } = setupSessions();
    expect(await sessions.lookup(TOKEN)).toBeNull();
    expect(await sessions.lookup('')).toBeNull();
    await sessions.set(TOKEN, sessionAt(clock.now()));
    await sessions.delete(TOKEN);
    expect(await sessions.lookup(TOKEN)).toBeNull();
    expect(await codeOf(() => sessions.lookup(5 as never))).toBe('INVALID_KEY');
    expect(sink.ofType('session.miss').map(({ reason }) => reason)).toEqual(['absent', 'absent', 'absent']);
  });
});

describe('getOrLoad', () => {
  test('loads what the cache does not have, once, and says so', async () => {
    const { sessions, clock, sink } = setupSessions();
    const load = jest.fn(async () => sessionAt(clock.now()));
    expect(await sessions.getOrLoad(TOKEN, load)).toMatchObject({
      freshness: 'loaded',
      maxStalenessMs: 0,
      staleness: 'none',
    });
    expect(await sessions.getOrLoad(TOKEN, load)).toMatchObject({ freshness: 'cache', user: { id: USER } });
    expect(load).toHaveBeenCalledTimes(1);
    expect(load).toHaveBeenCalledWith(TOKEN);
    expect(sink.events.map(({ type }) => type)).toEqual(['session.miss', 'session.hit']);
  });

  test('asks the database in any case when it must be fresh, and keeps the answer', async () => {
    const { sessions, clock, sink } = setupSessions();
    await sessions.set(TOKEN, sessionAt(clock.now()));
    const fresh = sessionAt(clock.now());
    fresh.user.role = 'customer';
    const found = await sessions.getOrLoad(TOKEN, async () => fresh, { requireFresh: true });
    expect(found).toMatchObject({ freshness: 'loaded', user: { role: 'customer' } });
    expect((await sessions.get(TOKEN))?.user.role).toBe('customer');
    expect(sink.ofType('session.miss')).toEqual([{ type: 'session.miss', reason: 'forced' }]);
    expect(await sessions.getOrLoad(TOKEN, async () => null, { requireFresh: true })).toBeNull();
  });

  test.each([null, undefined])('answers null and writes nothing when there is no session: %p', async (nothing) => {
    const { kv, sessions } = setupSessions();
    expect(await sessions.getOrLoad(TOKEN, async () => nothing)).toBeNull();
    expect(kv.counts.put).toBe(0);
  });

  test('answers null for a session that has expired', async () => {
    const { kv, sessions, clock } = setupSessions();
    expect(await sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now(), { lifetimeMs: 0 }))).toBeNull();
    expect(kv.counts.put).toBe(0);
  });

  test('throws what the loader throws', async () => {
    const { sessions } = setupSessions();
    const load = (): never => {
      throw new RangeError('down');
    };
    await expect(sessions.getOrLoad(TOKEN, load)).rejects.toThrow(RangeError);
    await expect(sessions.getOrLoad(TOKEN, async () => load())).rejects.toThrow(RangeError);
  });

  test('refuses what is no session for this token, and serves no stranger', async () => {
    const { kv, sessions, clock } = setupSessions();
    const stranger = sessionAt(clock.now(), { token: 'another' });
    expect(await codeOf(() => sessions.getOrLoad(TOKEN, async () => stranger))).toBe('INVALID_VALUE');
    expect(kv.counts.put).toBe(0);
  });

  test.each(['', 'x'.repeat(505), 'a\ud800'])('does not load for what no session can have: %#', async (token) => {
    const { sessions } = setupSessions();
    const load = jest.fn(async () => null);
    expect(await sessions.getOrLoad(token, load)).toBeNull();
    expect(await sessions.getOrLoad(token, load, { requireFresh: true })).toBeNull();
    expect(load).not.toHaveBeenCalled();
    expect(await codeOf(() => sessions.getOrLoad(5 as never, load, { requireFresh: true }))).toBe('INVALID_KEY');
  });

  test('serves what it loaded when KV is down, or has marks that cannot be read, and does not store it then', async () => {
    const { kv, sessions, clock, sink } = setupSessions();
    kv.failAll('get');
    kv.failAll('put');
    expect(await sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now()))).toMatchObject({ freshness: 'loaded' });
    expect(sink.ofType('client.error')).toHaveLength(1);
    kv.heal();
    await kv.put(`session-revoked:${USER}`, 'yesterday');
    const { put } = kv.counts;
    expect(await sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now()))).toMatchObject({ freshness: 'loaded' });
    expect(kv.counts.put).toBe(put);
  });

  test.each([setupSessions, setupStrong])(
    'waits for a KV that hangs once, and not for marks and entry again (%#)',
    async (setup) => {
      jest.useFakeTimers();
      const { kv, sessions, clock } = setup({ timeoutMs: 2000 });
      for (const operation of ['get', 'put'] as const) kv.hang(operation);
      const found = sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now()));
      await jest.advanceTimersByTimeAsync(2000);
      jest.useRealTimers();
      expect(await found).toMatchObject({ freshness: 'loaded', maxStalenessMs: 0 });
      expect(kv.counts).toMatchObject({ get: 1, put: 0 });
    },
  );

  test('serves what it loaded when KV does not take it', async () => {
    const { kv, sessions, clock, sink } = setupSessions();
    kv.failAll('put');
    expect(await sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now()))).not.toBeNull();
    expect(sink.ofType('client.error')).toMatchObject([{ code: 'KV_WRITE_FAILED', operation: 'write' }]);
  });

  test('leaves the write to waitUntil', async () => {
    const pending: Promise<unknown>[] = [];
    const { kv, sessions, clock } = setupSessions({ waitUntil: (work) => void pending.push(work) });
    const written = deferred<undefined>();
    Object.assign(kv, { put: () => written.promise });
    expect(await sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now()))).not.toBeNull();
    expect(pending).toHaveLength(1);
    written.resolve(undefined);
    await Promise.all(pending);
  });

  test('does not write what the budget is too small for', async () => {
    const budget = new OperationBudget(2);
    const { kv, sessions, clock } = setupSessions({ budget });
    expect(await sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now()))).not.toBeNull();
    expect(kv.counts).toMatchObject({ get: 2, put: 0 });
  });

  test('50 at once each get the session', async () => {
    const { sessions, clock } = setupSessions();
    const found = await Promise.all(
      Array.from({ length: 50 }, () => sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now()))),
    );
    expect(found.every((one) => one?.freshness === 'loaded')).toBe(true);
    expect(await sessions.get(TOKEN)).not.toBeNull();
  });
});

describe('entries', () => {
  test('of the format before are read, and hold until their user is ended', async () => {
    const { kv, sessions, clock } = setupSessions();
    const metadata = { v: 1, c: clock.now(), e: clock.now() + DAY_MS };
    await kv.put(`session:${TOKEN}`, JSON.stringify(sessionAt(clock.now())), { metadata });
    expect(await sessions.get(TOKEN)).toEqual(sessionAt(clock.now()));
    await sessions.deleteAllForUser(USER);
    expect(await sessions.get(TOKEN)).toBeNull();
  });

  test('have metadata that the version before reads', async () => {
    const { kv, sessions, clock } = setupSessions();
    await sessions.set(TOKEN, sessionAt(clock.now(), { createdAt: clock.now() - 5000 }));
    const { metadata } = await kv.getWithMetadata(`session:${TOKEN}`, 'text');
    expect(metadata).toEqual({ v: 1, c: clock.now(), e: clock.now() + DAY_MS, i: clock.now() - 5000 });
  });

  test.each([{ i: 'x' }, { i: null }, { c: 'x' }, { e: null }, { c: 8.64e15 }])(
    'with spoilt metadata are misses: %p',
    async (spoilt) => {
      const { kv, sessions, clock, sink } = setupSessions();
      const metadata = { v: 1, c: clock.now(), e: clock.now() + DAY_MS, ...spoilt };
      await kv.put(`session:${TOKEN}`, JSON.stringify(sessionAt(clock.now())), { metadata });
      expect(await sessions.get(TOKEN)).toBeNull();
      expect(sink.ofType('session.miss')[0]?.reason).toBe('corrupt');
    },
  );

  test('that claim to be issued after they were loaded are not believed', async () => {
    const { kv, sessions, clock } = setupSessions();
    const metadata = { v: 1, c: clock.now(), e: clock.now() + DAY_MS, i: clock.now() + DAY_MS };
    await kv.put(`session:${TOKEN}`, JSON.stringify(sessionAt(clock.now())), { metadata });
    await sessions.deleteAllForUser(USER);
    expect(await sessions.get(TOKEN)).toBeNull();
    const ahead = sessionAt(clock.now(), { createdAt: clock.now() + DAY_MS });
    await sessions.set(TOKEN, ahead);
    expect(await sessions.get(TOKEN)).toBeNull();
  });

  test('live for 24 hours from when the session was read, not from when they were written', async () => {
    const { sessions, clock, kv } = setupSessions();
    const loadedAt = clock.now();
    clock.advance(3_600_000);
    await sessions.set(TOKEN, sessionAt(loadedAt), { loadedAt });
    expect((await kv.list()).keys[0]?.expiration).toBe((loadedAt + DAY_MS) / 1000);
    clock.advance(DAY_MS - 3_600_001);
    expect(await sessions.get(TOKEN)).not.toBeNull();
    clock.advance(1);
    expect(await sessions.get(TOKEN)).toBeNull();
    await sessions.set(TOKEN, sessionAt(clock.now()), { loadedAt });
    expect(await keysOf(kv)).toEqual([]);
  });

  test.each([NaN, -1, '5', null])('are not made of the load time %p', async (loadedAt) => {
    const { kv, sessions, clock } = setupSessions();
    const options = { loadedAt: loadedAt as number };
    expect(await codeOf(() => sessions.set(TOKEN, sessionAt(clock.now()), options))).toBe('INVALID_ARGUMENT');
    expect(kv.operations).toBe(0);
  });

  test.each([
    ['session.createdAt', 5],
    ['session.createdAt', 'tomorrow'],
  ])('refuse %s as %p', async (_path, createdAt) => {
    const { sessions, clock } = setupSessions();
    const value = sessionAt(clock.now());
    Object.assign(value.session, { createdAt });
    expect(await codeOf(() => sessions.set(TOKEN, value))).toBe('INVALID_VALUE');
  });
});

describe('options', () => {
  const sliding = { idleSeconds: 600, refreshAfterSeconds: 60 };
  test.each([
    { onRevocationError: 'maybe' },
    { onRevocationError: null },
    { verifiedForMs: -1 },
    { verifiedForMs: 60_001 },
    { clockSkewMs: 0.5 },
    { clockSkewMs: Infinity },
    { sliding: { ...sliding, refreshAfterSeconds: 59 } },
    { sliding: { ...sliding, idleSeconds: 119 } },
    { sliding: { ...sliding, idleSeconds: 86_401 } },
    { sliding: { idleSeconds: '600', refreshAfterSeconds: 60 } },
    { timeoutMs: 0 },
  ])('are refused, by name: %p', async (options) => {
    expect(await codeOf(() => setupSessions(options as never))).toBe('INVALID_OPTION');
  });

  test('refuse objects that are none', async () => {
    expect(await codeOf(() => setupSessions({ revocations: {} as never }))).toBe('INVALID_BINDING');
  });
});
