import type { SecondaryStorage } from 'better-auth';
import type { BetterAuthStorageOptions } from '../../src/adapters/better-auth.js';
import { betterAuthStorage } from '../../src/adapters/better-auth.js';
import { encryptedCodec } from '../../src/clients/kv/codecs/encrypted-codec.js';
import type { KVNamespaceLike } from '../../src/clients/kv/kv-namespace.js';
import { memorySessions } from '../../src/durable-objects/session/memory-sessions.js';
import { SessionMachine } from '../../src/durable-objects/session/session-machine.js';
import type { MemoryObjectNamespaceOptions, ObjectFault } from '../../src/testing.js';
import { EventuallyConsistentKV, ManualClock, MemoryKVNamespace, MemoryObjectNamespace } from '../../src/testing.js';
import type { AuthVariant } from '../support/better-auth/app.js';
import { emptyDatabase, makeAuth } from '../support/better-auth/app.js';
import type { AuthApp } from '../support/better-auth/device.js';
import { Device } from '../support/better-auth/device.js';
import { loadBetterAuth } from '../support/better-auth/load.js';
import { authScenarios } from '../support/better-auth/scenarios.js';
import { codeOf, errorOf, fc } from '../support/kv.js';

const parts = loadBetterAuth();
const START_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;
const TOKEN = 'rawSessionTokenOf32Characters012';

// Better Auth takes its time from `Date`, and the objects here do so too. Timers stay real.
beforeEach(() => {
  const doNotFake = [
    'setTimeout',
    'clearTimeout',
    'setInterval',
    'clearInterval',
    'setImmediate',
    'clearImmediate',
  ] as const;
  jest.useFakeTimers({
    now: START_MS,
    doNotFake: [...doNotFake, 'nextTick', 'queueMicrotask', 'performance', 'hrtime'],
  });
});
afterEach(() => jest.useRealTimers());

function makeObjects(options?: MemoryObjectNamespaceOptions): MemoryObjectNamespace {
  return memorySessions({ now: () => Date.now(), ...options });
}

function appOver(storage: SecondaryStorage, variant?: AuthVariant, db = emptyDatabase()): AuthApp {
  const links: string[] = [];
  const auth = makeAuth(parts, { storage, db, links }, variant);
  return {
    handle: (request) => auth.handler(request),
    links: async () => links,
    advance: async (ms) => {
      jest.setSystemTime(Date.now() + ms);
    },
  };
}

interface SetUp {
  readonly options?: BetterAuthStorageOptions;
  readonly variant?: AuthVariant;
  readonly faults?: MemoryObjectNamespaceOptions['faults'];
}

function setUp({ options, variant, faults }: SetUp = {}) {
  const objects = makeObjects({ faults });
  const storage = betterAuthStorage(objects, { delay: async () => undefined, ...options });
  return { objects, storage, app: appOver(storage, variant) };
}

/** What people write for KV before 1.7, and what they add for it. */
function kvStorage(kv: KVNamespaceLike): SecondaryStorage {
  const set = (key: string, value: string, ttl?: number): Promise<void> =>
    kv.put(key, value, ttl === undefined ? {} : { expirationTtl: Math.max(60, ttl) });
  return {
    get: (key) => kv.get(key, 'text'),
    set,
    delete: (key) => kv.delete(key),
    getAndDelete: async (key) => {
      const value = await kv.get(key, 'text');
      await kv.delete(key);
      return value;
    },
    increment: async (key, ttl) => {
      const count = Number((await kv.get(key, 'text')) ?? 0) + 1;
      await set(key, String(count), ttl);
      return count;
    },
  };
}

describe('betterAuthStorage', () => {
  test('keeps, replaces and deletes values', async () => {
    const { storage } = setUp();
    expect(await storage.get('a')).toBeNull();
    await storage.set('a', 'one', 10);
    await storage.set('b', '');
    expect([await storage.get('a'), await storage.get('b')]).toEqual(['one', '']);
    await storage.set('a', 'two', 10);
    expect(await storage.get('a')).toBe('two');
    await storage.delete('a');
    await storage.delete('a');
    expect(await storage.get('a')).toBeNull();
  });

  test('ends values after ttl seconds, ten or fewer too, and keeps those without one', async () => {
    const { storage } = setUp();
    await storage.set('ten', 'x', 10);
    await storage.set('half', 'x', 0.5);
    await storage.set('century', 'x', 1e300);
    for (const [key, ttl] of [['none', undefined], ['null', null], ['infinite', Infinity]] as const) await storage.set(key, 'x', ttl as number); // prettier-ignore
    const left = async (): Promise<string[]> => {
      const keys = ['ten', 'half', 'century', 'none', 'null', 'infinite'];
      const values = await Promise.all(keys.map((key) => storage.get(key)));
      return keys.filter((_, index) => values[index] !== null);
    };
    jest.setSystemTime(START_MS + 500);
    expect(await left()).toEqual(['ten', 'century', 'none', 'null', 'infinite']);
    jest.setSystemTime(START_MS + 10_000);
    expect(await left()).toEqual(['century', 'none', 'null', 'infinite']);
    jest.setSystemTime(START_MS + 90 * 365 * DAY_MS);
    expect(await left()).toEqual(['century', 'none', 'null', 'infinite']);
  });

  test('takes a ttl of 0 or less for a time that is over', async () => {
    const { objects, storage } = setUp();
    for (const ttl of [0, -1, -0.5, -Infinity]) {
      const set = (): Promise<void> => storage.set('a', 'new', ttl);
      await storage.set('a', 'old', 10);
      if (ttl === -Infinity) expect(await codeOf(set)).toBe('INVALID_TTL');
      else await set();
      expect([ttl, await storage.get('a')]).toEqual([ttl, ttl === -Infinity ? 'old' : null]);
    }
    await storage.set('b', 'new', 0);
    expect(objects.stored).toHaveLength(1);
    const before = objects.calls;
    expect([await storage.increment('zero', 0), await storage.increment('zero', -1)]).toEqual([1, 1]);
    expect(objects.calls).toBe(before);
  });

  test('refuses what is no ttl, no string, too long or no count, and shows nothing of it', async () => {
    const { storage } = setUp();
    expect(await codeOf(() => storage.set('a', 'x', NaN))).toBe('INVALID_TTL');
    expect(await codeOf(() => storage.set('a', 'x', '10' as unknown as number))).toBe('INVALID_TTL');
    expect(await codeOf(() => storage.increment('a', Infinity))).toBe('INVALID_TTL');
    expect(await codeOf(() => storage.increment('a', undefined as unknown as number))).toBe('INVALID_TTL');
    expect(await codeOf(() => storage.set('a', { secret: 1 } as unknown as string))).toBe('INVALID_VALUE');
    await storage.set('a', 'secret');
    const refused = [
      await errorOf(() => storage.set('a', 'secret'.repeat(100_000), 10)),
      await errorOf(() => storage.increment('a', 10)),
    ];
    expect(refused.map(({ message }) => message)).toEqual([
      'A value of 600000 UTF-16 units is refused: give at most 500000.',
      'A counter is refused: what is stored under its key is no count.',
    ]);
    expect(await storage.get('a')).toBe('secret');
  });

  test('refuses bad options and bindings, and shows no pepper', async () => {
    for (const options of [{ prefix: '' }, { prefix: 'a:b' }, { timeoutMs: 0 }, { prefix: 5 as unknown as string }]) {
      expect(await codeOf(() => betterAuthStorage(makeObjects(), options))).toBe('INVALID_OPTION');
    }
    const error = await errorOf(() => betterAuthStorage(makeObjects(), { pepper: 'too short' }));
    expect(error.message).toBe('Option pepper is refused: give a secret of at least 16 characters.');
    expect(await codeOf(() => betterAuthStorage(new MemoryKVNamespace() as never))).toBe('INVALID_BINDING');
    const other = new MemoryObjectNamespace(() => ({ alarm: () => undefined }));
    expect(await codeOf(() => betterAuthStorage(other).get('a'))).toBe('INVALID_BINDING');
  });

  test('writes no key of a session for ten minutes after it was deleted, and any other at once', async () => {
    const { storage } = setUp();
    for (const key of [TOKEN, `verification:${TOKEN}`]) {
      await storage.set(key, 'x', 3600);
      await storage.delete(key);
      await storage.set(key, 'y', 3600);
    }
    expect([await storage.get(TOKEN), await storage.get(`verification:${TOKEN}`)]).toEqual([null, 'y']);
    jest.setSystemTime(START_MS + 600_000);
    await storage.set(TOKEN, 'z', 3600);
    expect(await storage.get(TOKEN)).toBe('z');
  });

  test('works without this', async () => {
    const { get, set, getAndDelete, increment, delete: remove } = setUp().storage;
    await set('a', 'x', 10);
    expect([await getAndDelete('a'), await get('a'), await increment('n', 10)]).toEqual(['x', null, 1]);
    await remove('n');
    expect(await increment('n', 10)).toBe(1);
  });

  test('counts 50 at once as 50, and gives a value to one of 50', async () => {
    const { storage } = setUp();
    const all = Array.from({ length: 50 }, (_, index) => index);
    const counts = await Promise.all(all.map(() => storage.increment('n', 10)));
    expect([...counts].sort((a, b) => a - b)).toEqual(all.map((index) => index + 1));
    await storage.set('once', 'x', 10);
    const taken = await Promise.all(all.map(() => storage.getAndDelete('once')));
    expect(taken.filter((value) => value !== null)).toEqual(['x']);
  });

  test('neither loses nor doubles anything when every other reply is lost', async () => {
    const lost = (seed: number): ((call: { index: number }) => ObjectFault | undefined) => {
      const faults = ['lost-reply', undefined, 'reset-after', undefined, 'unavailable', undefined] as const;
      return ({ index }) => faults[(index + seed) % faults.length];
    };
    const property = fc.asyncProperty(fc.nat(5), async (seed) => {
      const { storage } = setUp({ faults: lost(seed) });
      for (let index = 1; index <= 20; index += 1) {
        await storage.set('link', `token ${index}`, 300);
        expect(await storage.increment('n', 60)).toBe(index);
        expect([await storage.getAndDelete('link'), await storage.getAndDelete('link')]).toEqual([
          `token ${index}`,
          null,
        ]);
      }
    });
    await fc.assert(property, { numRuns: 12, seed: 5 });
  });

  describe('names and texts of objects', () => {
    test('show no key: neither a token nor an address', async () => {
      const { objects, storage } = setUp();
      await storage.set(TOKEN, 'x', 60);
      await storage.increment('203.0.113.9|/sign-in/email', 10);
      expect(objects.stored).toHaveLength(2);
      for (const name of objects.stored) expect(name).toMatch(/^value:better-auth:[0-9a-f]{64}$/);
      expect(objects.stored[0]).toBe(
        'value:better-auth:c1bbe1b6cf42b9a74bead37fda27af5bb8cbbea1f0f0d747053cc393fac59dea',
      );
    });

    test('are told apart by prefix and by pepper, with which they cannot be guessed', async () => {
      const objects = makeObjects();
      const storages = [
        betterAuthStorage(objects),
        betterAuthStorage(objects, { prefix: 'admin' }),
        betterAuthStorage(objects, { pepper: 'a pepper of the tests' }),
        betterAuthStorage(objects, { pepper: 'another pepper of them' }),
      ];
      for (const [index, storage] of storages.entries()) await storage.set('key', `${index}`, 60);
      expect(await Promise.all(storages.map((storage) => storage.get('key')))).toEqual(['0', '1', '2', '3']);
      const again = betterAuthStorage(objects, { pepper: 'a pepper of the tests' });
      expect(await again.get('key')).toBe('2');
      expect(await Promise.all([again.get('key'), again.get('key')])).toEqual(['2', '2']);
    });

    test('show no text with an encrypting codec, and what does not decrypt is absent', async () => {
      const key = new Uint8Array(32).fill(7);
      const codec = encryptedCodec({ keys: { a: key }, current: 'a' });
      const written: unknown[] = [];
      const objects = new MemoryObjectNamespace((host) => {
        const put = (name: string, value: unknown): void => {
          written.push(value);
          host.storage.put(name, value);
        };
        return new SessionMachine({ ...host, storage: { ...host.storage, put } });
      });
      const storage = betterAuthStorage(objects, { codec });
      await storage.set('k', `{"token":"${TOKEN}"}`, 60);
      expect(await storage.get('k')).toBe(`{"token":"${TOKEN}"}`);
      expect(JSON.stringify(written)).not.toContain(TOKEN);
      expect(await storage.getAndDelete('k')).toBe(`{"token":"${TOKEN}"}`);
      await storage.set('digits', '5', 60);
      expect(await storage.get('digits')).toBe('5');
      expect([await storage.increment('n', 60), await storage.increment('n', 60), await storage.get('n')]).toEqual([
        1,
        2,
        '2',
      ]);
      await betterAuthStorage(objects).set('k', 'planted', 60);
      expect(await storage.get('k')).toBeNull();
      await betterAuthStorage(objects).set('k', 'aes:a\nplanted', 60);
      expect(await storage.getAndDelete('k')).toBeNull();
    });
  });

  describe.each([
    ['sessions on objects alone', {}],
    ['sessions in the database as well', { storesSessionInDatabase: true }],
  ])('under Better Auth, with %s', (_name, variant) => {
    test.each(authScenarios.map((scenario) => [scenario.name, scenario] as const))('%s', async (_n, scenario) => {
      const { app } = setUp({ variant: { ...variant, isLimited: scenario.isLimited ?? false } });
      await scenario.run(app);
    });
  });

  describe('under Better Auth', () => {
    test('does all of it while every third reply is lost', async () => {
      for (const scenario of authScenarios) {
        const faults = ({ index }: { index: number }) => (index % 3 === 0 ? 'lost-reply' : undefined) as ObjectFault;
        await scenario.run(setUp({ faults, variant: { isLimited: scenario.isLimited ?? false } }).app);
      }
    });

    test('does all of it with an encrypting codec and a pepper', async () => {
      const codec = encryptedCodec({ keys: { a: new Uint8Array(32).fill(7) }, current: 'a' });
      for (const scenario of authScenarios) {
        const options = { codec, pepper: 'a pepper of the tests' };
        await scenario.run(setUp({ options, variant: { isLimited: scenario.isLimited ?? false } }).app);
      }
    });

    test('lets nobody in, and nobody past a limit, while the objects fail', async () => {
      let isDown = false;
      const faults = (): ObjectFault | undefined => (isDown ? 'failed' : undefined);
      const { app } = setUp({ faults, variant: { isLimited: true } });
      const device = new Device(app);
      await device.signUp('down@example.com');
      isDown = true;
      expect(await statusOf(() => device.get('/get-session'))).toBe(500);
      expect(await statusOf(() => new Device(app).signIn('down@example.com'))).toBe(500);
      isDown = false;
      expect((await device.session())?.user.email).toBe('down@example.com');
    });

    test('keeps a session signed out that a slower request renews meanwhile', async () => {
      const { storage } = setUp();
      // The renewal has read the session, and is about to write it.
      let [arrive, goOn]: (() => void)[] = [() => undefined, () => undefined];
      const arrived = new Promise<void>((resolve) => (arrive = resolve));
      const released = new Promise<void>((resolve) => (goOn = resolve));
      let isHeld = false;
      const set: SecondaryStorage['set'] = async (key, value, ttl) => {
        if (isHeld && key.length === 32) {
          arrive?.();
          await released;
        }
        await storage.set(key, value, ttl);
      };
      const app = appOver({ ...storage, set });
      const device = new Device(app);
      await device.signUp('renewed@example.com');
      await app.advance(2 * DAY_MS);
      isHeld = true;
      const renewing = device.copy().session();
      await arrived;
      expect((await device.copy().post('/sign-out')).status).toBe(200);
      goOn?.();
      await renewing;
      expect(await device.copy().session()).toBeNull();
    });

    test('leaves nothing behind when all times are over', async () => {
      const { objects, app } = setUp({ variant: { isLimited: true } });
      const device = new Device(app);
      await device.signUp('gone@example.com');
      await device.post('/sign-out');
      await new Device(app).post('/sign-in/magic-link', { email: 'gone@example.com' });
      await app.advance(8 * DAY_MS);
      objects.runAlarms();
      await app.advance(60_000);
      objects.runAlarms();
      expect(objects.stored).toEqual([]);
    });

    test('takes these many calls of objects, reads and changes', async () => {
      const methods: string[] = [];
      const faults = ({ method }: { method: string }): undefined => void methods.push(method);
      const { app } = setUp({ faults, variant: { isLimited: true } });
      const costOf = async (act: () => Promise<unknown>): Promise<string> => {
        methods.length = 0;
        await act();
        const reads = methods.filter((method) => method === 'getValue').length;
        return `${reads} + ${methods.length - reads}`;
      };
      const [first, second, email] = [new Device(app), new Device(app), 'cost@example.com'];
      await first.signUp(email);
      expect({
        signIn: await costOf(() => second.signIn(email)),
        request: await costOf(() => first.session()),
        requestWithoutCookie: await costOf(() => new Device(app).session()),
        signOut: await costOf(() => second.post('/sign-out')),
        revokeAll: await costOf(() => first.post('/revoke-sessions')),
        sendLink: await costOf(() => new Device(app).post('/sign-in/magic-link', { email: 'new@example.com' })),
        openLink: await costOf(async () => new Device(app).openLink((await app.links()).at(-1)!)),
      }).toEqual({
        signIn: '1 + 3',
        request: '2 + 1',
        requestWithoutCookie: '0 + 1',
        signOut: '4 + 3',
        revokeAll: '5 + 4',
        sendLink: '0 + 2',
        openLink: '2 + 4',
      });
    });
  });

  describe('the list of active sessions, which Better Auth reads, changes and writes', () => {
    const CALLERS = 50;
    const email = 'list@example.com';

    async function signInAtOnce(variant: AuthVariant) {
      const { app } = setUp({ variant });
      const first = new Device(app);
      await first.signUp(email);
      const devices = Array.from({ length: CALLERS }, () => new Device(app));
      await Promise.all(devices.map((device) => device.signIn(email)));
      const alive = async (): Promise<number> => {
        let count = 0;
        for (const device of devices) count += (await device.session()) === null ? 0 : 1;
        return count;
      };
      return { first, devices, alive };
    }

    test('loses sessions that sign in at once: they are not listed, and "revoke others" leaves them alive', async () => {
      const { first, alive } = await signInAtOnce({});
      expect(await alive()).toBe(CALLERS);
      expect((await first.sessions()).length).toBeLessThan(CALLERS / 2);
      await first.post('/revoke-other-sessions');
      expect(await alive()).toBeGreaterThan(CALLERS / 2);
    });

    test('does not matter to "revoke all", which ends them by time', async () => {
      const { first, alive } = await signInAtOnce({});
      jest.setSystemTime(Date.now() + 1);
      await first.post('/revoke-sessions');
      expect(await alive()).toBe(0);
    });

    test('is not used for listing and revoking when sessions are stored in the database', async () => {
      const { first, alive } = await signInAtOnce({ storesSessionInDatabase: true });
      expect(await first.sessions()).toHaveLength(CALLERS + 1);
      await first.post('/revoke-other-sessions');
      expect(await alive()).toBe(0);
    });
  });
});

async function statusOf(act: () => Promise<Response>): Promise<number> {
  try {
    return (await act()).status;
  } catch {
    return 500;
  }
}

describe('a storage on KV, by contrast', () => {
  const email = 'kv@example.com';
  const without = (storage: SecondaryStorage, method: keyof SecondaryStorage): SecondaryStorage => ({ ...storage, [method]: undefined }); // prettier-ignore

  test('with three methods refuses every route of a limited app, and every magic link', async () => {
    const three = without(without(kvStorage(new MemoryKVNamespace()), 'increment'), 'getAndDelete');
    const limited = appOver(three, { isLimited: true });
    expect(await statusOf(() => new Device(limited).signUp(email))).toBe(500);
    const app = appOver(three);
    await new Device(app).post('/sign-in/magic-link', { email });
    const log = jest.spyOn(console, 'error').mockImplementation();
    expect(await statusOf(async () => new Device(app).openLink((await app.links())[0]!))).toBe(500);
    expect(String(log.mock.calls[0])).toContain('getAndDelete is not a function');
    log.mockRestore();
  });

  test('cannot count for ten seconds', async () => {
    const kv = new MemoryKVNamespace();
    const increment = async (key: string, ttl: number): Promise<number> => {
      const count = Number((await kv.get(key)) ?? 0) + 1;
      await kv.put(key, String(count), { expirationTtl: ttl });
      return count;
    };
    const app = appOver({ ...kvStorage(kv), increment }, { isLimited: true });
    expect(await statusOf(() => new Device(app).signUp(email))).toBe(500);
  });

  test.each(authScenarios.filter(({ name }) => name.includes('50')))(
    'fails where it is asked at once: $name',
    async (scenario) => {
      const app = appOver(kvStorage(new MemoryKVNamespace({ now: () => Date.now() })), {
        isLimited: scenario.isLimited ?? false,
      });
      await expect(scenario.run(app)).rejects.toThrow('expect(');
    },
  );

  test('keeps a session alive in another colo for a minute after it was signed out', async () => {
    const clock = new ManualClock(START_MS);
    const kv = new EventuallyConsistentKV({ now: clock.now, writesPerSecondPerKey: false });
    const db = emptyDatabase();
    const [ams, lhr] = ['ams', 'lhr'].map((colo) => appOver(kvStorage(kv.colo(colo)), {}, db)) as [AuthApp, AuthApp];
    const device = new Device(ams);
    await device.signUp(email);
    const thief = device.copy(lhr);
    expect(await thief.session()).not.toBeNull();
    await device.post('/sign-out');
    expect(await device.session()).toBeNull();
    clock.advance(59_999);
    expect(await thief.session()).not.toBeNull();
    clock.advance(1);
    expect(await thief.session()).toBeNull();
  });
});
