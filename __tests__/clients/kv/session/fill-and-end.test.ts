import { SessionCacheClient } from '../../../../src/clients/kv/session/session-cache-client.js';
import type { CachedSession } from '../../../../src/clients/kv/session/session.js';
import { memorySessions } from '../../../../src/durable-objects/session/memory-sessions.js';
import { ManualClock, MemoryKVNamespace } from '../../../../src/testing.js';
import { everyInterleaving, Stage } from '../../../support/interleavings.js';
import { answerDigestsAtOnce, sessionAt, TOKEN, USER } from '../../../support/sessions.js';

const KV_METHODS = ['get', 'getWithMetadata', 'put', 'delete'] as const;

/** The database that owns the session: what it answers is true at that moment. */
class Database {
  readonly session: CachedSession;
  isEnded = false;

  constructor(session: CachedSession) {
    this.session = session;
  }

  async load(): Promise<CachedSession | null> {
    return this.isEnded ? null : structuredClone(this.session);
  }

  async end(): Promise<void> {
    this.isEnded = true;
  }
}

interface Variant {
  /** `alone`: marks in KV are not read. */
  readonly strong: boolean | 'alone';
  /** Milliseconds that pass with each step: with 0 everything bears the same time. */
  readonly tickMs: number;
  readonly end: 'delete' | 'deleteAllForUser';
  readonly fill: 'getOrLoad' | 'set';
  readonly isIssuedKnown: boolean;
}

function open({ strong, tickMs, isIssuedKnown }: Variant) {
  const clock = new ManualClock();
  const stage = new Stage();
  const kv = new MemoryKVNamespace({ now: clock.now });
  const objects = memorySessions({ now: clock.now });
  const database = new Database(sessionAt(clock.now(), isIssuedKnown ? { createdAt: clock.now() } : {}));
  clock.advance(tickMs);
  // Of each client of its own, as each request has.
  const client = (): SessionCacheClient => {
    const revocations = {
      idFromName: (name: string) => objects.idFromName(name),
      get: (id: { name: string }) => {
        const stub = objects.get(id) as Record<string, (request: object) => Promise<unknown>>;
        const method = (name: string) => (request: object) => stage.turn(name, () => stub[name]!(request));
        return { check: method('check'), endSession: method('endSession'), endAll: method('endAll') };
      },
    };
    const options = { now: clock.now, readMarks: strong !== 'alone', ...(strong !== false && { revocations }) };
    return new SessionCacheClient(stage.gate(kv, KV_METHODS), options);
  };
  const gatedDatabase = stage.gate(database, ['load', 'end']);
  return { clock, stage, kv, objects, client, database: gatedDatabase };
}

async function fill(variant: Variant, { clock, client, database }: ReturnType<typeof open>): Promise<unknown> {
  if (variant.fill === 'getOrLoad') return client().getOrLoad(TOKEN, () => database.load());
  const loadedAt = clock.now();
  const loaded = await database.load();
  if (loaded !== null) await client().set(TOKEN, loaded, { loadedAt });
  return null;
}

async function end(variant: Variant, { client, database }: ReturnType<typeof open>): Promise<void> {
  await database.end();
  if (variant.end === 'delete') await client().delete(TOKEN, { userId: USER });
  else await client().deleteAllForUser(USER);
}

async function play(variant: Variant, choose: (count: number) => number): Promise<void> {
  const world = open(variant);
  const { clock, stage, kv, objects } = world;
  const plain = (): SessionCacheClient =>
    new SessionCacheClient(kv, {
      now: clock.now,
      readMarks: variant.strong !== 'alone',
      ...(variant.strong !== false && { revocations: objects }),
    });
  let hasEnded = false;
  const all = Promise.all([fill(variant, world), end(variant, world).then(() => (hasEnded = true))]);
  await stage.run(choose, async () => {
    clock.advance(variant.tickMs);
    if (hasEnded) expect(await plain().get(TOKEN)).toBeNull();
  });
  await all;
  expect(await plain().get(TOKEN)).toBeNull();
  // It stays so when an old copy is written once more.
  await plain().set(TOKEN, world.database.session, { loadedAt: clock.now() - 10 * variant.tickMs - 1000 });
  expect(await plain().get(TOKEN)).toBeNull();
}

const variants = ([true, 'alone', false] as const).flatMap((strong) =>
  [0, 1].flatMap((tickMs) =>
    (['delete', 'deleteAllForUser'] as const).flatMap((end) =>
      (['getOrLoad', 'set'] as const).map((fill): Variant => ({
        strong,
        tickMs,
        end,
        fill,
        isIssuedKnown: tickMs === 1,
      })),
    ),
  ),
);

beforeAll(answerDigestsAtOnce);
afterAll(() => jest.restoreAllMocks());

describe('a fill and an end of one session', () => {
  let total = 0;
  afterAll(() => expect(total).toBeGreaterThan(500));

  test.each(variants)('leave nothing behind in any order: %j', async (variant) => {
    const orders = await everyInterleaving((choose) => play(variant, choose));
    total += orders;
    expect(orders).toBeGreaterThanOrEqual(5);
  });
});

describe('a read and an end of one session', () => {
  test.each(variants.filter(({ fill }) => fill === 'set'))(
    'in any order: read after the end it is none: %j',
    async (variant) => {
      await everyInterleaving(async (choose) => {
        const world = open(variant);
        const { clock, stage, kv, client, database } = world;
        const plain = new SessionCacheClient(kv, { now: clock.now });
        await plain.set(TOKEN, database.session);
        clock.advance(variant.tickMs);
        let hasEnded = false;
        const read = async (): Promise<void> => {
          for (let index = 0; index < 2; index += 1) {
            const wasEnded = hasEnded;
            const found = await client().get(TOKEN);
            if (wasEnded) expect(found).toBeNull();
          }
        };
        const all = Promise.all([read(), end(variant, world).then(() => (hasEnded = true))]);
        await stage.run(choose, () => clock.advance(variant.tickMs));
        await all;
      });
    },
  );
});

describe('getOrLoad while a session is ended', () => {
  test('answers what it loaded only when the load was before the end', async () => {
    const answers = new Set<string>();
    await everyInterleaving(async (choose) => {
      const { clock, stage, client, database } = open({
        strong: false,
        tickMs: 1,
        end: 'delete',
        fill: 'getOrLoad',
        isIssuedKnown: true,
      });
      const order: string[] = [];
      const found = client().getOrLoad(TOKEN, () => database.load());
      const end = database
        .end()
        .then(() => client().delete(TOKEN))
        .then(() => order.push('end'));
      void found.then(() => order.push('answer'));
      await stage.run(choose, () => clock.advance(1));
      await end;
      answers.add(`${(await found) === null ? 'null' : 'session'} ${order[0] === 'end' ? 'after' : 'before'}`);
    });
    expect([...answers].sort()).toEqual(['null after', 'null before', 'session after', 'session before']);
  });
});
