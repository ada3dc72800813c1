import { SessionCacheClient } from '../../../../src/clients/kv/session/session-cache-client.js';
import type { ObjectFault } from '../../../../src/durable-objects/memory-object-namespace.js';
import { memorySessions } from '../../../../src/durable-objects/session/memory-sessions.js';
import { EventuallyConsistentKV, ManualClock } from '../../../../src/testing.js';
import { codeOf, errorOf } from '../../../support/kv.js';
import { DAY_MS, sessionAt, setupStrong, TOKEN, USER } from '../../../support/sessions.js';

const FAULTS: ObjectFault[] = ['unavailable', 'reset', 'reset-after', 'lost-reply', 'overloaded', 'failed'];

describe('strong sessions', () => {
  test('are verified with the object of their user', async () => {
    const { sessions, clock } = setupStrong();
    await sessions.set(TOKEN, sessionAt(clock.now()));
    expect(await sessions.lookup(TOKEN)).toMatchObject({ freshness: 'verified', maxStalenessMs: 0, staleness: 'none' });
    expect(await sessions.get(TOKEN)).toEqual(sessionAt(clock.now()));
  });

  test.each(['delete', 'deleteAllForUser'] as const)(
    'ended by %s are refused though KV knows nothing of it',
    async (act) => {
      const { kv, sessions, clock, sink } = setupStrong();
      await sessions.set(TOKEN, sessionAt(clock.now()));
      kv.failAll('put');
      kv.failAll('delete');
      if (act === 'delete') await sessions.delete(TOKEN);
      else await sessions.deleteAllForUser(USER);
      expect(await sessions.get(TOKEN)).toBeNull();
      expect(sink.ofType('session.miss')).toMatchObject([{ reason: 'revoked' }]);
      expect(sink.ofType('client.error').at(-1)).toMatchObject({ operation: 'write', code: 'KV_WRITE_FAILED' });
      expect(sink.ofType('session.revoked')).toEqual([
        { type: 'session.revoked', scope: act === 'delete' ? 'session' : 'user' },
      ]);
    },
  );

  test('ended in KV alone, by a client without objects, are refused too', async () => {
    const { make, clock } = setupStrong();
    const weak = make({ revocations: undefined });
    for (const end of [() => weak.delete(TOKEN), () => weak.deleteAllForUser(USER)]) {
      await weak.set(TOKEN, sessionAt(clock.now()));
      expect(await make().get(TOKEN)).not.toBeNull();
      await end();
      expect(await make().get(TOKEN)).toBeNull();
      clock.advance(1);
    }
  });

  test('issued later are served', async () => {
    const { sessions, clock } = setupStrong();
    await sessions.deleteAllForUser(USER);
    clock.advance(1);
    await sessions.set(TOKEN, sessionAt(clock.now(), { createdAt: clock.now() }));
    expect(await sessions.get(TOKEN)).not.toBeNull();
  });

  test('of other users, and other sessions of the same one, go on', async () => {
    const { sessions, clock } = setupStrong();
    for (const [token, userId] of [
      ['a', 'one'],
      ['b', 'one'],
      ['c', 'two'],
    ] as const) {
      await sessions.set(token, sessionAt(clock.now(), { token, userId }));
    }
    await sessions.delete('a');
    const found = async () => Promise.all(['a', 'b', 'c'].map(async (token) => (await sessions.get(token)) !== null));
    expect(await found()).toEqual([false, true, true]);
    await sessions.deleteAllForUser('one');
    expect(await found()).toEqual([false, false, true]);
  });

  test('stay ended until nothing of them can be left, and then the object is empty', async () => {
    const { sessions, objects, clock } = setupStrong();
    const value = sessionAt(clock.now());
    const loadedAt = clock.now();
    await sessions.set(TOKEN, value);
    await sessions.delete(TOKEN);
    await sessions.deleteAllForUser(USER);
    for (let hour = 0; hour < 48; hour += 1) {
      objects.evict();
      await sessions.set(TOKEN, value, { loadedAt });
      expect(await sessions.get(TOKEN)).toBeNull();
      expect(objects.stored).toEqual([`session:${USER}`]);
      clock.advance(3_600_000);
    }
    clock.advance(60_000);
    objects.runAlarms();
    expect(objects.stored).toEqual([]);
  });
});

describe('an object that cannot be asked', () => {
  test.each(FAULTS)('makes a miss of a session, with an event and no throw: %s', async (fault) => {
    const { sessions, objects, sink, clock } = setupStrong();
    await sessions.set(TOKEN, sessionAt(clock.now()));
    objects.failNext(fault, 3);
    expect(await sessions.get(TOKEN)).toBeNull();
    expect(sink.ofType('session.miss')).toEqual([{ type: 'session.miss', reason: 'error' }]);
    const [event] = sink.ofType('client.error');
    expect(event).toMatchObject({ source: 'session', operation: 'call', keyPrefix: 'session:' });
    expect(event?.code).toBe(fault === 'overloaded' ? 'OBJECT_OVERLOADED' : 'OBJECT_FAILED');
    expect(String(event?.error)).not.toMatch(new RegExp(`${TOKEN}|${USER}`));
  });

  test('is asked again where that helps', async () => {
    const { sessions, objects, clock } = setupStrong();
    await sessions.set(TOKEN, sessionAt(clock.now()));
    objects.failNext('unavailable', 2);
    expect(await sessions.get(TOKEN)).not.toBeNull();
  });

  test('and hangs makes a miss in time', async () => {
    jest.useFakeTimers();
    const { sessions, objects, clock } = setupStrong({ timeoutMs: 50 });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    objects.failNext('hang');
    const found = sessions.get(TOKEN);
    await jest.advanceTimersByTimeAsync(50);
    jest.useRealTimers();
    expect(await found).toBeNull();
  });

  test.each([
    undefined,
    null,
    {},
    { revokedBefore: 0, endedAt: [] },
    { revokedBefore: NaN, endedAt: [0] },
    { revokedBefore: 0, endedAt: ['1'] },
  ])('or answers %p makes a miss', async (answer) => {
    const objects = { idFromName: () => ({}), get: () => ({ check: async () => answer }) };
    const { sessions, clock } = setupStrong({ revocations: objects });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    expect(await sessions.get(TOKEN)).toBeNull();
  });

  test('leaves it to KV when told so, which the result says', async () => {
    const { sessions, objects, clock, sink } = setupStrong({ onRevocationError: 'open' });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    objects.failNext('failed', 2);
    expect(await sessions.lookup(TOKEN)).toMatchObject({
      freshness: 'cache',
      maxStalenessMs: 60_000,
      staleness: 'unverified',
    });
    await sessions.deleteAllForUser(USER).catch(() => undefined);
    objects.failNext('failed');
    expect(await sessions.lookup(TOKEN)).toBeNull();
    expect(sink.ofType('session.miss')).toMatchObject([{ reason: 'revoked' }]);
  });

  test('ends nothing, and that is thrown', async () => {
    const { sessions, objects, clock, sink } = setupStrong();
    await sessions.set(TOKEN, sessionAt(clock.now()));
    objects.failNext('failed', 2);
    for (const end of [() => sessions.delete(TOKEN), () => sessions.deleteAllForUser(USER)]) {
      const error = await errorOf(end);
      expect(error).toMatchObject({ code: 'REVOCATION_FAILED', cause: { code: 'OBJECT_FAILED' } });
      expect(error.message).not.toMatch(new RegExp(`${TOKEN}|${USER}`));
    }
    expect(sink.ofType('session.revoked')).toEqual([]);
    // KV was told all the same, for what it is worth.
    expect(await sessions.get(TOKEN)).toBeNull();
  });

  test('but did what it was told, and only its answer was lost, has done it once more', async () => {
    const { sessions, objects, clock } = setupStrong();
    await sessions.set(TOKEN, sessionAt(clock.now()));
    objects.failNext('lost-reply', 2);
    await sessions.delete(TOKEN);
    objects.evict();
    expect(await sessions.get(TOKEN)).toBeNull();
  });

  test('KV that refuses after the object was told is reported by its own code and words', async () => {
    const { kv, sessions, sink } = setupStrong();
    kv.failAll('put', new Error('KV PUT failed: 429 Too Many Requests'));
    await sessions.deleteAllForUser(USER);
    const [event] = sink.ofType('client.error');
    expect(event).toMatchObject({ code: 'KV_RATE_LIMITED', keyPrefix: 'session:' });
    expect(String(event?.error)).toMatch(/429 Too Many Requests/);
    expect(String(event?.error)).not.toContain(USER);
  });

  test('KV that fails after the object was told is thrown where KV may decide alone', async () => {
    const { kv, sessions } = setupStrong({ onRevocationError: 'open' });
    kv.failAll('put');
    expect(await codeOf(() => sessions.deleteAllForUser(USER))).toBe('KV_WRITE_FAILED');
  });
});

describe('whose session is ended', () => {
  test('is read from its entry', async () => {
    const { kv, sessions, objects, clock } = setupStrong();
    await sessions.set(TOKEN, sessionAt(clock.now()));
    await sessions.delete(TOKEN);
    expect(objects.stored).toEqual([`session:${USER}`]);
    expect(kv.counts).toEqual({ get: 1, put: 2, delete: 1, list: 0 });
  });

  test('is given by the caller, and then not read', async () => {
    const { kv, sessions, objects } = setupStrong();
    await sessions.delete(TOKEN, { userId: USER });
    expect(objects.stored).toEqual([`session:${USER}`]);
    expect(kv.counts.get).toBe(0);
  });

  test('is not guessed: without either nothing is pretended', async () => {
    const { kv, sessions, objects, clock } = setupStrong();
    for (const spoil of [
      async () => {},
      async () => kv.put(`session:${TOKEN}`, 'nonsense'),
      async () => sessions.set(TOKEN, sessionAt(clock.now(), { lifetimeMs: 1 })).then(() => clock.advance(1)),
      async () => kv.failAll('get'),
    ]) {
      await spoil();
      const error = await errorOf(() => sessions.delete(TOKEN));
      expect(error).toMatchObject({ code: 'REVOCATION_FAILED' });
      expect(error.message).not.toContain(TOKEN);
    }
    expect(objects.calls).toBe(0);
  });

  test('is not known here: KV is told all the same, and elsewhere it is served for no longer than KV alone would', async () => {
    const clock = new ManualClock();
    const kv = new EventuallyConsistentKV({ now: clock.now });
    const options = { now: clock.now, revocations: memorySessions({ now: clock.now }) };
    const [here, there] = ['ams', 'lhr'].map((colo) => new SessionCacheClient(kv.colo(colo), options));
    await here!.get(TOKEN);
    await there!.set(TOKEN, sessionAt(clock.now()));
    await there!.get(TOKEN);
    clock.advance(2000);
    expect(await codeOf(() => here!.delete(TOKEN))).toBe('REVOCATION_FAILED');
    expect(await there!.get(TOKEN)).not.toBeNull();
    clock.advance(60_000);
    expect(await there!.get(TOKEN)).toBeNull();
  });

  test.each(['', 'u'.repeat(497), 5])('is refused when it is no user id: %#', async (userId) => {
    const { sessions, objects } = setupStrong();
    expect(await codeOf(() => sessions.delete(TOKEN, { userId: userId as string }))).toBe('INVALID_KEY');
    expect(objects.calls).toBe(0);
  });
});

describe('objects that are relied on alone', () => {
  const readMarks = false;

  test('end sessions though KV has no mark, and marks are written all the same', async () => {
    for (const act of ['delete', 'deleteAllForUser'] as const) {
      const { make, clock } = setupStrong();
      await make().set(TOKEN, sessionAt(clock.now()));
      expect(await make({ readMarks }).get(TOKEN)).not.toBeNull();
      await (act === 'delete' ? make({ readMarks }).delete(TOKEN) : make({ readMarks }).deleteAllForUser(USER));
      expect(await make({ readMarks }).get(TOKEN)).toBeNull();
      expect(await make({ revocations: undefined }).get(TOKEN)).toBeNull();
    }
  });

  test.each([null, 0, 'no'])('are asked for by a boolean alone: %p', async (value) => {
    expect(await codeOf(() => setupStrong({ readMarks: value as never }))).toBe('INVALID_OPTION');
  });

  test('do not know what was ended without them, as the option says', async () => {
    const { make, clock } = setupStrong();
    await make().set(TOKEN, sessionAt(clock.now()));
    await make({ revocations: undefined }).deleteAllForUser(USER);
    expect(await make({ readMarks }).get(TOKEN)).not.toBeNull();
    expect(await make().get(TOKEN)).toBeNull();
  });

  test('leave it to marks where there are none, and where they cannot be asked and KV may decide', async () => {
    const { make, objects, clock } = setupStrong({ readMarks });
    const open = make({ onRevocationError: 'open' });
    await open.set(TOKEN, sessionAt(clock.now()));
    objects.failNext('failed');
    expect(await open.lookup(TOKEN)).toMatchObject({ staleness: 'unverified', maxStalenessMs: 60_000 });
    await make({ revocations: undefined }).deleteAllForUser(USER);
    objects.failNext('failed');
    expect(await open.lookup(TOKEN)).toBeNull();
    expect(await make({ revocations: undefined }).get(TOKEN)).toBeNull();
    objects.failNext('failed');
    expect(await open.getOrLoad(TOKEN, async () => sessionAt(clock.now()), { requireFresh: true })).toBeNull();
    objects.failNext('failed');
    expect(await make().get(TOKEN)).toBeNull();
  });
});

describe('getOrLoad of strong sessions', () => {
  test('says that a cached one was verified', async () => {
    const { sessions, clock } = setupStrong();
    await sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now()));
    expect(await sessions.getOrLoad(TOKEN, async () => null)).toMatchObject({
      freshness: 'verified',
      maxStalenessMs: 0,
    });
  });

  test('throws when what was loaded cannot be checked, and serves it when open', async () => {
    const { make, objects, clock, kv } = setupStrong();
    objects.failNext('failed');
    const load = async () => sessionAt(clock.now());
    expect(await codeOf(() => make().getOrLoad(TOKEN, load))).toBe('REVOCATION_FAILED');
    expect(kv.counts.put).toBe(0);
    objects.failNext('failed');
    const open = make({ onRevocationError: 'open' });
    expect(await open.getOrLoad(TOKEN, load)).toMatchObject({ freshness: 'loaded', maxStalenessMs: 0 });
  });

  test.each([10, 0])(
    'gives null for a session that was ended while it was loaded, and keeps nothing: %p ms',
    async (ms) => {
      const { kv, sessions, clock, sink } = setupStrong();
      const found = await sessions.getOrLoad(TOKEN, async () => {
        const value = sessionAt(clock.now());
        clock.advance(ms);
        await sessions.delete(TOKEN, { userId: USER });
        clock.advance(ms);
        return value;
      });
      expect(found).toBeNull();
      expect(await kv.get(`session:${TOKEN}`)).toBeNull();
      expect(sink.ofType('session.miss').map(({ reason }) => reason)).toEqual(['absent', 'revoked']);
    },
  );

  test('believes a database that still has the session after it was ended, and keeps it only when it is not older', async () => {
    const { kv, sessions, clock } = setupStrong();
    const createdAt = clock.now();
    await sessions.delete(TOKEN, { userId: USER });
    clock.advance(1);
    const issued = await sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now(), { createdAt }));
    expect(issued).toMatchObject({ freshness: 'loaded' });
    expect(await kv.get(`session:${TOKEN}`)).toBeNull();
    await sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now()));
    expect(await sessions.get(TOKEN)).not.toBeNull();
  });
});

describe('what an isolate remembers of objects', () => {
  test('spares calls for as long as it is told, and the result says so', async () => {
    const { sessions, objects, clock } = setupStrong({ verifiedForMs: 5000 });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    expect(await sessions.lookup(TOKEN)).toMatchObject({ maxStalenessMs: 0, staleness: 'none' });
    clock.advance(4999);
    expect(await sessions.lookup(TOKEN)).toMatchObject({
      freshness: 'verified',
      maxStalenessMs: 5000,
      staleness: 'memory',
    });
    expect(objects.calls).toBe(1);
    clock.advance(1);
    expect(await sessions.lookup(TOKEN)).toMatchObject({ maxStalenessMs: 0 });
    expect(objects.calls).toBe(2);
  });

  test('counts from when the object was asked', async () => {
    const { make, objects, clock } = setupStrong({ verifiedForMs: 5000 });
    await make().set(TOKEN, sessionAt(clock.now()));
    const slow = {
      idFromName: (name: string) => objects.idFromName(name),
      get: (id: { name: string }) => ({
        check: async (request: object) => {
          const stub = objects.get(id) as { check: (request: object) => Promise<object> };
          const answer = await stub.check(request);
          clock.advance(4000);
          return answer;
        },
      }),
    };
    const sessions = make({ revocations: slow });
    await sessions.lookup(TOKEN);
    clock.advance(1000);
    expect(await sessions.lookup(TOKEN)).toMatchObject({ staleness: 'none' });
  });

  test('is dropped by an end in the same isolate', async () => {
    for (const act of ['delete', 'deleteAllForUser'] as const) {
      const { sessions, kv, clock } = setupStrong({ verifiedForMs: 60_000 });
      await sessions.set(TOKEN, sessionAt(clock.now()));
      await sessions.lookup(TOKEN);
      kv.failAll('put');
      kv.failAll('delete');
      await (act === 'delete' ? sessions.delete(TOKEN) : sessions.deleteAllForUser(USER));
      expect(await sessions.lookup(TOKEN)).toBeNull();
    }
  });

  test('is not what an object said before an end in the same isolate, though it comes after', async () => {
    const { make, objects, clock, kv } = setupStrong({ verifiedForMs: 5000 });
    await make().set(TOKEN, sessionAt(clock.now()));
    let [answered, release] = [() => {}, () => {}];
    const isAnswered = new Promise<void>((resolve) => (answered = resolve));
    const isReleased = new Promise<void>((resolve) => (release = resolve));
    const slow = {
      idFromName: (name: string) => objects.idFromName(name),
      get: (id: { name: string }) => ({
        check: async (request: object) => {
          const answer = await (objects.get(id) as { check: (request: object) => Promise<object> }).check(request);
          answered();
          await isReleased;
          return answer;
        },
      }),
    };
    const reading = make({ revocations: slow }).lookup(TOKEN);
    await isAnswered;
    kv.failAll('put');
    kv.failAll('delete');
    await make().delete(TOKEN, { userId: USER });
    release();
    expect(await reading).not.toBeNull();
    expect(await make().lookup(TOKEN)).toBeNull();
  });

  test('is dropped by an end that failed: it may have been done', async () => {
    const { sessions, objects, kv, clock } = setupStrong({ verifiedForMs: 60_000 });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    await sessions.lookup(TOKEN);
    kv.failAll('put');
    kv.failAll('delete');
    objects.failNext('lost-reply', 3);
    expect(await codeOf(() => sessions.delete(TOKEN))).toBe('REVOCATION_FAILED');
    expect(await sessions.lookup(TOKEN)).toBeNull();
  });

  test('is not relied on by a clock that went back, nor without the option, nor after a load', async () => {
    const { make, objects, clock } = setupStrong();
    const remembering = make({ verifiedForMs: 60_000 });
    await remembering.set(TOKEN, sessionAt(clock.now()));
    await remembering.lookup(TOKEN);
    clock.advance(-1);
    await remembering.lookup(TOKEN);
    expect(objects.calls).toBe(2);
    await make().lookup(TOKEN);
    expect(objects.calls).toBe(3);
    await remembering.getOrLoad(TOKEN, async () => sessionAt(clock.now()), { requireFresh: true });
    expect(objects.calls).toBe(4);
  });
});

describe('clocks that differ', () => {
  test('are made up for by clockSkewMs, in marks and objects', async () => {
    for (const weak of [true, false]) {
      const { make, clock } = setupStrong({ clockSkewMs: 500, ...(weak && { revocations: undefined }) });
      const sessions = make();
      await sessions.deleteAllForUser(USER);
      clock.advance(500);
      await sessions.set(TOKEN, sessionAt(clock.now()));
      expect(await sessions.get(TOKEN)).toBeNull();
      clock.advance(1);
      await sessions.set(TOKEN, sessionAt(clock.now()));
      expect(await sessions.get(TOKEN)).not.toBeNull();
    }
  });

  test('do not turn away who logs in soon after an end: the database is asked, and nothing kept', async () => {
    for (const weak of [true, false]) {
      const { sessions, clock, kv } = setupStrong({ clockSkewMs: 60_000, ...(weak && { revocations: undefined }) });
      await sessions.deleteAllForUser(USER);
      clock.advance(1000);
      const found = await sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now()));
      expect(found).toMatchObject({ freshness: 'loaded', maxStalenessMs: 0 });
      expect(await kv.get(`session:${TOKEN}`)).toBeNull();
    }
  });

  test('of an object behind its callers does not spare what they ended', async () => {
    const { kv, sessions, clock } = setupStrong({ now: () => clockAhead() });
    const clockAhead = (): number => clock.now() + 30_000;
    await sessions.set(TOKEN, sessionAt(clockAhead(), { createdAt: clockAhead(), lifetimeMs: DAY_MS }));
    kv.failAll('put');
    kv.failAll('delete');
    await sessions.deleteAllForUser(USER);
    expect(await sessions.get(TOKEN)).toBeNull();
  });
});
