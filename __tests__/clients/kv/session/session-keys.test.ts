import { createHash, createHmac } from 'node:crypto';
import type { SessionPepper } from '../../../../src/clients/kv/session/session-options.js';
import { codeOf, errorOf, fc } from '../../../support/kv.js';
import { keysOf, sessionAt, setupSessions, setupStrong, TOKEN, USER } from '../../../support/sessions.js';

const OLD = 'an old pepper, of 32 bytes or so';
const NEW = 'a new pepper, of 32 bytes or so.';
const hmacOf = (pepper: string): string => createHmac('sha256', pepper).update(TOKEN).digest('hex');
const shaOf = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('keys of sessions', () => {
  test('are plain, of SHA-256, or of HMAC-SHA-256, and a hashed way leaves no token anywhere', async () => {
    const ways = [
      [false, `session:${TOKEN}`],
      [true, `session:sha256:${shaOf(TOKEN)}`],
      [{ peppers: [NEW, OLD] }, `session:hmac:${hmacOf(NEW)}`],
    ] as const;
    for (const [hashKeys, key] of ways) {
      const { kv, sessions, clock } = setupSessions({ hashKeys });
      await sessions.set(TOKEN, sessionAt(clock.now()));
      expect(await keysOf(kv)).toEqual([key]);
      expect(await sessions.get(TOKEN)).toEqual(sessionAt(clock.now()));
      const stored = JSON.stringify([await kv.getWithMetadata(key), await kv.list()]);
      expect(stored.includes(TOKEN)).toBe(hashKeys === false);
    }
  });

  test('of marks, notes of use and lists hold no token either, whichever way', async () => {
    for (const hashKeys of [false, true, { peppers: [NEW] }]) {
      const sliding = { idleSeconds: 600, refreshAfterSeconds: 60 };
      const { kv, sessions, clock, objects } = setupStrong({ hashKeys, index: true, sliding });
      await sessions.set(TOKEN, sessionAt(clock.now()));
      clock.advance(60_000);
      expect(await sessions.get(TOKEN)).not.toBeNull();
      await sessions.delete(TOKEN);
      await sessions.deleteAllForUser(USER);
      const keys = (await keysOf(kv)).filter((key) => !key.startsWith('session:'));
      expect(keys.map((key) => key.replace(/[0-9a-f]{64}$/, 'HASH'))).toEqual([
        'session-ended:HASH',
        `session-index:${USER}:HASH`,
        `session-revoked:${USER}`,
        'session-seen:HASH',
      ]);
      const texts = await Promise.all(keys.map((key) => kv.getWithMetadata(key)));
      expect(JSON.stringify([keys, texts, objects.stored])).not.toContain(TOKEN);
    }
  });

  test('are the same for a pepper as text, as bytes and as CryptoKey', async () => {
    const bytes = new TextEncoder().encode(NEW);
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const cryptoKey = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign']);
    for (const pepper of [NEW, bytes, Buffer.from(bytes), cryptoKey as unknown as SessionPepper]) {
      const { kv, sessions, clock } = setupSessions({ hashKeys: { peppers: [pepper] } });
      await sessions.set(TOKEN, sessionAt(clock.now()));
      expect(await keysOf(kv)).toEqual([`session:hmac:${hmacOf(NEW)}`]);
    }
  });

  test('hold to the bytes of a pepper that is wiped when the client was made', async () => {
    const bytes = new TextEncoder().encode(NEW);
    const { make, clock } = setupSessions();
    const sessions = make({ hashKeys: { peppers: [bytes] } });
    bytes.fill(0);
    await sessions.set(TOKEN, sessionAt(clock.now()));
    expect(await make({ hashKeys: { peppers: [NEW] } }).get(TOKEN)).not.toBeNull();
  });

  test('import a pepper once for all clients of the isolate', async () => {
    const imports = jest.spyOn(crypto.subtle, 'importKey');
    const pepper = 'used by this test alone, 32 bytes';
    const bytes = new TextEncoder().encode(pepper);
    for (let request = 0; request < 10; request += 1) {
      for (const each of [pepper, bytes]) await setupSessions({ hashKeys: { peppers: [each] } }).sessions.get(TOKEN);
    }
    expect(imports).toHaveBeenCalledTimes(2);
    imports.mockRestore();
  });
});

describe('a change from plain keys', () => {
  const ways = [false, true, { peppers: [NEW] }] as const;

  test.each([
    [0, 1, true],
    [1, 0, true],
    [0, 2, false],
    [2, 1, false],
  ])('to hashed ones: an end by way %p holds for way %p: %p, and one of all for any', async (one, other, isSeen) => {
    for (const setup of [setupSessions, setupStrong]) {
      const { make, clock } = setup({});
      const [ender, reader] = [make({ hashKeys: ways[one]! }), make({ hashKeys: ways[other]! })];
      await reader.set(TOKEN, sessionAt(clock.now()));
      await ender.delete(TOKEN, { userId: USER });
      expect((await reader.get(TOKEN)) === null).toBe(isSeen);
      await ender.deleteAllForUser(USER);
      expect(await reader.get(TOKEN)).toBeNull();
    }
  });
});

describe('rotation of peppers', () => {
  test('finds what was written under the old one in the same operation, and writes under the new one', async () => {
    const { kv, make, clock } = setupSessions();
    const before = make({ hashKeys: { peppers: [OLD] } });
    const after = make({ hashKeys: { peppers: [NEW, OLD] } });
    await before.set(TOKEN, sessionAt(clock.now()));
    const reads = kv.counts.get;
    expect(await after.get(TOKEN, { userId: USER })).toEqual(sessionAt(clock.now()));
    expect(kv.counts.get - reads).toBe(1);
    await after.set(TOKEN, sessionAt(clock.now()));
    expect(await keysOf(kv)).toContain(`session:hmac:${hmacOf(NEW)}`);
    expect(await make({ hashKeys: { peppers: [NEW] } }).get(TOKEN)).not.toBeNull();
  });

  test.each([setupSessions, setupStrong])(
    'ends a session for those who deployed before and after it (%#)',
    async (setup) => {
      const { make, clock } = setup({});
      const before = make({ hashKeys: { peppers: [OLD] } });
      const after = make({ hashKeys: { peppers: [NEW, OLD] } });
      for (const [ender, other] of [
        [before, after],
        [after, before],
      ] as const) {
        await before.set(TOKEN, sessionAt(clock.now()));
        await after.set(TOKEN, sessionAt(clock.now()));
        const createdAt = clock.now();
        await ender.delete(TOKEN, { userId: USER });
        clock.advance(1);
        // Whoever fills it again with what was read before.
        for (const filler of [before, after]) await filler.set(TOKEN, sessionAt(createdAt), { loadedAt: createdAt });
        expect([await ender.get(TOKEN), await other.get(TOKEN)]).toEqual([null, null]);
        clock.advance(1);
      }
    },
  );
});

describe('a pepper', () => {
  const bad: [string, unknown][] = [
    ['no list', 'just a text that is long enough'],
    ['none', []],
    ['five', Array<string>(5).fill(NEW)],
    ['a short text', ['123456789012345']],
    ['short bytes', [new Uint8Array(15)]],
    ['a number', [NEW, 5]],
    ['nothing', [undefined]],
  ];
  test.each(bad)('is refused without being shown: %s', async (_what, peppers) => {
    const error = await errorOf(() => setupSessions({ hashKeys: { peppers } as never }));
    expect(error).toMatchObject({ code: 'INVALID_OPTION' });
    expect(error.message).not.toMatch(/just a text|12345|a new pepper/);
  });

  test('of a CryptoKey must be for HMAC with SHA-256 and may sign', async () => {
    const raw = new Uint8Array(32);
    const keys = await Promise.all([
      crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-512' }, false, ['sign']),
      crypto.subtle.importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']),
      crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt']),
    ]);
    for (const key of keys) {
      expect(await codeOf(() => setupSessions({ hashKeys: { peppers: [key as never] } }))).toBe('INVALID_OPTION');
    }
  });

  test('of two bytes apart makes other keys: any two tokens and peppers', async () => {
    const text = fc.string({ minLength: 16, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(text, text, async (one, other) => {
        fc.pre(one !== other);
        const { make, clock } = setupSessions();
        const first = make({ hashKeys: { peppers: [one] } });
        await first.set(TOKEN, sessionAt(clock.now()));
        expect(await make({ hashKeys: { peppers: [other] } }).get(TOKEN)).toBeNull();
        expect(await make({ hashKeys: { peppers: [other, one] } }).get(TOKEN)).not.toBeNull();
      }),
      { numRuns: 50 },
    );
  });
});
