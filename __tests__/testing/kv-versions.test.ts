import type { ColoKV } from '../../src/testing.js';
import { EventuallyConsistentKV, ManualClock } from '../../src/testing.js';
import { fc } from '../support/kv.js';

const KEYS = ['a', 'b'];
const COLOS = ['ams', 'lhr', 'nrt', 'sin', 'iad'];

interface Step {
  readonly colo: string;
  readonly key: string;
  readonly advanceMs: number;
  readonly act: 'put' | 'expiring' | 'delete' | 'get' | 'bulk' | 'list' | 'evict' | 'long' | 'short';
}

/** What a key held, from when. */
interface Written {
  readonly value: string | null;
  readonly at: number;
  readonly expiresAt: number;
  readonly by: string;
}

const step: fc.Arbitrary<Step> = fc.record({
  colo: fc.constantFrom(...COLOS),
  key: fc.constantFrom(...KEYS),
  advanceMs: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 90_000 })),
  act: fc.constantFrom('put', 'expiring', 'delete', 'get', 'get', 'bulk', 'list', 'evict', 'long', 'short'),
});

/** Runs steps, keeps the history that a reader of all would have, and shows each read to `onRead`. */
class Run {
  readonly clock = new ManualClock(0);
  readonly history = new Map<string, Written[]>(
    KEYS.map((key) => [key, [{ value: null, at: -1e12, expiresAt: Infinity, by: '' }]]),
  );
  readonly kv: EventuallyConsistentKV;
  #writes = 0;

  constructor(
    options: { readonly maxStalenessMs?: number; readonly lateness?: readonly boolean[] },
    readonly onRead: (run: Run, read: { key: string; colo: string; value: string | null; boundMs: number }) => void,
  ) {
    const { maxStalenessMs, lateness } = options;
    let asked = 0;
    this.kv = new EventuallyConsistentKV({
      now: this.clock.now,
      ...(maxStalenessMs !== undefined && { maxStalenessMs }),
      ...(lateness !== undefined && { isLate: () => lateness[asked++ % lateness.length] ?? true }),
    });
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      this.clock.advance(one.advanceMs);
      await this.#act(one, this.kv.colo(one.colo));
    }
  }

  async #act({ act, key, colo }: Step, kv: ColoKV): Promise<void> {
    const lagMs = this.kv.maxStalenessMs - 60_000;
    const read = (value: string | null, cacheTtlSeconds = 60): void =>
      this.onRead(this, { key, colo, value, boundMs: cacheTtlSeconds * 1000 + lagMs });
    if (act === 'put' || act === 'expiring') await this.#put(key, kv, act === 'expiring');
    if (act === 'delete') await this.#change({ key, by: colo, value: null, expiresAt: Infinity }, () => kv.delete(key));
    if (act === 'evict') kv.evict(key);
    if (act === 'get') read(await kv.get(key));
    if (act === 'bulk') read((await kv.get(KEYS, 'text')).get(key) ?? null);
    if (act === 'long') read(await kv.get(key, { type: 'text', cacheTtl: 300 }), 300);
    if (act === 'short') read(await kv.get(key, { type: 'text', cacheTtl: 30 }), 30);
    if (act !== 'list') return;
    const found = (await kv.list<string>()).keys.find(({ name }) => name === key);
    this.onRead(this, { key, colo, value: found?.metadata ?? null, boundMs: this.kv.maxStalenessMs });
  }

  async #put(key: string, kv: ColoKV, isExpiring: boolean): Promise<void> {
    this.#writes += 1;
    const value = `v${this.#writes}`;
    const expiresAt = isExpiring ? (Math.floor(this.clock.now() / 1000) + 60) * 1000 : Infinity;
    const options = { metadata: value, ...(isExpiring && { expirationTtl: 60 }) };
    await this.#change({ key, by: kv.name, value, expiresAt }, () => kv.put(key, value, options));
  }

  async #change(change: Omit<Written, 'at'> & { readonly key: string }, act: () => Promise<void>): Promise<void> {
    const { key, ...written } = change;
    const at = this.clock.now();
    const previous = this.history.get(key)!.at(-1)!.at;
    const isRefused = await act().then(
      () => false,
      (error: unknown) => {
        expect(String(error)).toContain('429 Too Many Requests');
        return true;
      },
    );
    expect(isRefused).toBe(at - previous < 1000);
    if (!isRefused) this.history.get(key)!.push({ ...written, at });
  }

  /** The places in the history at which `value` can have been read now; the newest is the last. */
  candidates(key: string, value: string | null): number[] {
    const now = this.clock.now();
    const history = this.history.get(key)!;
    const isIt = (written: Written): boolean => (written.expiresAt > now ? written.value : null) === value;
    return history.flatMap((written, index) => (isIt(written) ? [index] : []));
  }
}

describe('KVVersions', () => {
  test('let a colo read what was the latest at some moment within the bound, and nothing else', async () => {
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 60 }),
      fc.constantFrom(undefined, 60_000, 75_000, 120_000),
      fc.option(fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }), { nil: undefined }),
      async (steps, maxStalenessMs, lateness) => {
        const options = { ...(maxStalenessMs && { maxStalenessMs }), ...(lateness && { lateness }) };
        const run = new Run(options, ({ history, clock }, { key, value, boundMs }) => {
          const written = history.get(key)!;
          const isWithin = run.candidates(key, value).some((index) => {
            const until = written[index + 1]?.at ?? Infinity;
            return until >= clock.now() - boundMs;
          });
          expect({ key, value, isWithin }).toEqual({ key, value, isWithin: true });
        });
        await run.run(steps);
      },
    );
    await fc.assert(property, { numRuns: 400, seed: 5 });
  });

  test('let a colo see its own writes, or what came after them', async () => {
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 60 }),
      fc.constantFrom(60_000, 100_000),
      async (steps, maxStalenessMs) => {
        const run = new Run({ maxStalenessMs }, ({ history }, { key, value, colo }) => {
          const newestOwn = history.get(key)!.findLastIndex(({ by }) => by === colo);
          const newestRead = run.candidates(key, value).at(-1) ?? -1;
          expect(newestRead).toBeGreaterThanOrEqual(newestOwn);
        });
        await run.run(steps);
      },
    );
    await fc.assert(property, { numRuns: 400, seed: 5 });
  });

  test('agree everywhere on the last write once the bound has passed, in reads and listings', async () => {
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 60 }),
      fc.constantFrom(60_000, 100_000),
      async (steps, maxStalenessMs) => {
        const run = new Run({ maxStalenessMs }, () => undefined);
        await run.run(steps);
        run.clock.advance(maxStalenessMs);
        for (const key of KEYS) {
          const last = run.history.get(key)!.at(-1)!;
          const expected = last.expiresAt > run.clock.now() ? last.value : null;
          for (const colo of COLOS) {
            expect(await run.kv.colo(colo).get(key)).toBe(expected);
            const listed = (await run.kv.colo(colo).list()).keys.find(({ name }) => name === key);
            expect(listed?.metadata ?? null).toBe(expected);
          }
          expect(run.kv.latest(key)).toBe(expected);
        }
      },
    );
    await fc.assert(property, { numRuns: 200, seed: 5 });
  });
});
