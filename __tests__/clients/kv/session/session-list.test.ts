import { codeOf, errorOf } from '../../../support/kv.js';
import { DAY_MS, idOf, keysOf, sessionAt, setupSessions, setupStrong, TOKEN, USER } from '../../../support/sessions.js';

const setups = [setupSessions, setupStrong];

describe.each(setups)('the list of a user (%#)', (setup) => {
  test('shows what is cached, the newest first, without tokens', async () => {
    const { sessions, clock } = setup({ index: true });
    await sessions.set('token-a', sessionAt(clock.now(), { token: 'token-a', ipAddress: '::1', userAgent: 'Firefox' }));
    clock.advance(1000);
    const createdAt = clock.now() - 500;
    await sessions.set('token-b', sessionAt(clock.now(), { token: 'token-b', createdAt, lifetimeMs: 60_000 }));
    await sessions.set('token-c', sessionAt(clock.now(), { token: 'token-c', userId: 'another' }));
    const list = await sessions.listForUser(USER);
    expect(list).toEqual([
      {
        id: idOf('token-b'),
        createdAt: new Date(createdAt).toISOString(),
        expiresAt: new Date(clock.now() + 60_000).toISOString(),
      },
      {
        id: idOf('token-a'),
        createdAt: new Date(clock.now() - 1000).toISOString(),
        expiresAt: new Date(clock.now() - 1000 + DAY_MS).toISOString(),
        ipAddress: '::1',
        userAgent: 'Firefox',
      },
    ]);
    expect(JSON.stringify(list)).not.toMatch(/token-[abc]/);
    expect(await sessions.listForUser('nobody')).toEqual([]);
  });

  test('leaves out what has ended, by time, by itself and with all', async () => {
    const { sessions, clock } = setup({ index: true });
    const add = (token: string, lifetimeMs = DAY_MS) =>
      sessions.set(token, sessionAt(clock.now(), { token, lifetimeMs }));
    const shown = async () => (await sessions.listForUser(USER)).map(({ id }) => id).sort();
    await add('a', 1000);
    await add('b');
    await add('c');
    clock.advance(1000);
    expect(await shown()).toEqual([idOf('b'), idOf('c')].sort());
    await sessions.delete('b');
    expect(await shown()).toEqual([idOf('c')]);
    await sessions.deleteAllForUser(USER);
    clock.advance(1);
    await add('d');
    expect(await shown()).toEqual([idOf('d')]);
  });

  test('leaves out one that ended though it claims to be issued later', async () => {
    const { sessions, clock } = setup({ index: true });
    await sessions.set(TOKEN, sessionAt(clock.now(), { createdAt: clock.now() + 3_600_000 }));
    await sessions.deleteAllForUser(USER);
    expect(await sessions.listForUser(USER)).toEqual([]);
  });

  test('lets a user end another session by its id', async () => {
    const { kv, sessions, clock, sink } = setup({ index: true, hashKeys: true });
    for (const token of ['mine', 'other']) await sessions.set(token, sessionAt(clock.now(), { token }));
    expect(await sessions.deleteSession(USER, idOf('other'))).toBe(true);
    expect(await sessions.get('other')).toBeNull();
    expect(await sessions.get('mine')).not.toBeNull();
    expect((await sessions.listForUser(USER)).map(({ id }) => id)).toEqual([idOf('mine')]);
    expect(sink.ofType('session.revoked')).toEqual([{ type: 'session.revoked', scope: 'session' }]);
    // Nothing of it is left but what says that it was ended.
    expect(await keysOf(kv)).toHaveLength(3);
    // A copy that comes late changes nothing.
    await sessions.set('other', sessionAt(clock.now(), { token: 'other' }), { loadedAt: clock.now() - 1 });
    expect(await sessions.get('other')).toBeNull();
  });

  test('ends a session under plain keys by its mark, as only its token leads to the entry', async () => {
    const { sessions, clock } = setup({ index: true });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    expect(await sessions.deleteSession(USER, idOf(TOKEN))).toBe(true);
    expect(await sessions.get(TOKEN)).toBeNull();
  });

  test('ends nothing of somebody else, nothing unknown, and nothing that is not listed', async () => {
    const { make, clock } = setup({});
    const sessions = make({ index: true });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    await make().set('unlisted', sessionAt(clock.now(), { token: 'unlisted' }));
    for (const [userId, id] of [
      ['another', idOf(TOKEN)],
      [USER, 'x'],
      [USER, idOf('unlisted')],
    ] as const) {
      expect(await sessions.deleteSession(userId, id)).toBe(false);
    }
    expect(await sessions.get(TOKEN)).not.toBeNull();
  });

  test('keeps users apart whose ids begin alike', async () => {
    const { sessions, clock } = setup({ index: true });
    const users = ['a', 'a:', 'a:b', 'a:'.repeat(3), `a:${'0'.repeat(64)}`];
    for (const userId of users) await sessions.set(userId, sessionAt(clock.now(), { token: userId, userId }));
    for (const userId of users) {
      expect((await sessions.listForUser(userId)).map(({ id }) => id)).toEqual([idOf(userId)]);
      expect(await sessions.deleteSession(userId, idOf('a:b'))).toBe(userId === 'a:b');
    }
  });

  test('follows all pages, and 1,200 sessions are as many', async () => {
    const { kv, sessions, clock } = setup({ index: true });
    const tokens = Array.from({ length: 1200 }, (_, index) => `token-${index}`);
    await Promise.all(tokens.map((token) => sessions.set(token, sessionAt(clock.now(), { token }))));
    await sessions.delete('token-7', { userId: USER });
    const { get } = kv.counts;
    expect(await sessions.listForUser(USER)).toHaveLength(1199);
    expect(kv.counts.list).toBe(2);
    // A hundred marks to a read.
    expect(kv.counts.get - get).toBe(13);
    expect(await sessions.deleteSession(USER, idOf('token-1199'))).toBe(true);
  });

  test('is not written unless asked for', async () => {
    const { sessions, clock } = setup({});
    await sessions.set(TOKEN, sessionAt(clock.now()));
    expect(await sessions.listForUser(USER)).toEqual([]);
  });

  test('loses no session of those that begin at once', async () => {
    const { sessions, clock } = setup({ index: true });
    const tokens = Array.from({ length: 50 }, (_, index) => `token-${index}`);
    await Promise.all(tokens.map((token) => sessions.set(token, sessionAt(clock.now(), { token }))));
    expect(await sessions.listForUser(USER)).toHaveLength(50);
  });
});

describe('what does not fit into a list', () => {
  test('is cut or left out', async () => {
    const { sessions, clock } = setupSessions({ index: true });
    const long = sessionAt(clock.now(), { userAgent: 'x'.repeat(5000), ipAddress: '1.2.3.4' });
    await sessions.set(TOKEN, long);
    expect(await sessions.listForUser(USER)).toMatchObject([{ userAgent: 'x'.repeat(256), ipAddress: '1.2.3.4' }]);
    await sessions.set(TOKEN, sessionAt(clock.now(), { userAgent: '\u{1f600}'.repeat(300), ipAddress: '1.2.3.4' }));
    const [summary] = await sessions.listForUser(USER);
    expect(summary).toMatchObject({ id: idOf(TOKEN) });
    expect((await sessions.get(TOKEN))?.session.userAgent).toHaveLength(600);
  });

  test('and cannot be left out is refused before anything is written', async () => {
    const { kv, make, clock } = setupSessions();
    const sessions = make({ index: true });
    for (const parts of [{ userId: 'u'.repeat(450) }, { id: 'i'.repeat(1000) }]) {
      expect(await codeOf(() => sessions.set(TOKEN, sessionAt(clock.now(), parts)))).toBe('INVALID_VALUE');
    }
    expect(kv.counts.put).toBe(0);
    await make().set(TOKEN, sessionAt(clock.now(), { userId: 'u'.repeat(450) }));
    expect(kv.counts.put).toBe(1);
  });

  test('and cannot be left out is served by getOrLoad all the same, and not kept', async () => {
    const { kv, sessions, clock, sink } = setupSessions({ index: true });
    const found = await sessions.getOrLoad(TOKEN, async () => sessionAt(clock.now(), { userId: 'u'.repeat(450) }));
    expect(found).toMatchObject({ freshness: 'loaded' });
    expect(kv.counts.put).toBe(0);
    expect(sink.ofType('client.error')).toMatchObject([{ code: 'INVALID_VALUE', keyPrefix: 'session:' }]);
  });

  test('and is none of ours is not shown', async () => {
    const { kv, sessions } = setupSessions({ index: true });
    const key = (digit: string): string => `session-index:${USER}:${digit.repeat(64)}`;
    for (const [index, metadata] of [
      undefined,
      { v: 2, id: 'x', i: 1, e: 9e12 },
      { v: 1, id: 5, i: 1, e: 9e12 },
      { v: 1, id: 'x', i: 'now', e: 9e12 },
      { v: 1, id: 'x', i: 1, e: 9e99 },
      { v: 1, id: 'x', i: 1, e: 9e12, ua: {} },
    ].entries()) {
      await kv.put(key(String(index)), '1', metadata === undefined ? {} : { metadata });
    }
    await kv.put(`session-index:${USER}:short`, '1', { metadata: { v: 1, id: 'x', i: 1, e: 9e12 } });
    expect(await sessions.listForUser(USER)).toEqual([]);
  });
});

describe('a list that cannot be read', () => {
  test('is an error, not an empty list', async () => {
    const { kv, sessions, clock } = setupSessions({ index: true });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    kv.failNext('list');
    const error = await errorOf(() => sessions.listForUser(USER));
    expect(error).toMatchObject({ code: 'KV_LIST_FAILED' });
    expect(error.message).not.toContain(USER);
    kv.failNext('get');
    expect(await codeOf(() => sessions.listForUser(USER))).toBe('KV_READ_FAILED');
    kv.failNext('list');
    expect(await codeOf(() => sessions.deleteSession(USER, 'x'))).toBe('KV_LIST_FAILED');
  });

  test('of strong sessions neither is one that was not checked, unless told so', async () => {
    const { make, objects, clock } = setupStrong({ index: true });
    await make().set(TOKEN, sessionAt(clock.now()));
    objects.failNext('failed', 2);
    expect(await codeOf(() => make().listForUser(USER))).toBe('REVOCATION_FAILED');
    expect(await make({ onRevocationError: 'open' }).listForUser(USER)).toHaveLength(1);
  });

  test('shows no session whose mark cannot be read', async () => {
    const { kv, sessions, clock } = setupSessions({ index: true });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    await kv.put(`session-revoked:${USER}`, 'yesterday');
    expect(await sessions.listForUser(USER)).toEqual([]);
  });

  test.each(['', 'u'.repeat(497), 5])('is refused for what is no user id: %#', async (userId) => {
    const { kv, sessions } = setupSessions();
    expect(await codeOf(() => sessions.listForUser(userId as string))).toBe('INVALID_KEY');
    expect(await codeOf(() => sessions.deleteSession(userId as string, 'x'))).toBe('INVALID_KEY');
    expect(kv.operations).toBe(0);
  });
});

describe('under old and new peppers', () => {
  test('a session is listed once, and ended under both', async () => {
    const { make, clock } = setupSessions({ index: true });
    const [older, newer] = ['an old pepper, long enough', 'a new pepper, long enough'];
    const before = make({ hashKeys: { peppers: [older] } });
    const after = make({ hashKeys: { peppers: [newer, older] } });
    await before.set(TOKEN, sessionAt(clock.now()));
    await after.set(TOKEN, sessionAt(clock.now()));
    expect(await after.listForUser(USER)).toHaveLength(1);
    expect(await after.deleteSession(USER, idOf(TOKEN))).toBe(true);
    expect([await before.get(TOKEN), await after.get(TOKEN)]).toEqual([null, null]);
    expect(await after.listForUser(USER)).toEqual([]);
  });
});
