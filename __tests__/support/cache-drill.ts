import type { CacheCodec } from '../../src/clients/kv/cache/cache-codec.js';
import { CacheClient } from '../../src/clients/kv/cache/cache-client.js';
import type { CacheClientOptions, GetOrSetOptions, LoadContext } from '../../src/clients/kv/cache/cache-options.js';
import { memoryTier } from '../../src/clients/kv/cache/memory-tier.js';
import type { KVNamespaceLike } from '../../src/clients/kv/kv-namespace.js';
import { isCloudflareClientError } from '../../src/errors.js';

/** What goes wrong beside KV. */
export type DrillFault =
  'loader fails' | 'loader hangs' | 'clock jumps' | 'value over 25 MiB' | 'metadata over 1,024 bytes';

/** The time that things take in a drill, in milliseconds. */
export interface DrillTimes {
  readonly timeoutMs: number;
  readonly hardTimeoutMs: number;
  readonly softTimeoutMs: number;
  readonly joinTimeoutMs: number;
  readonly loadMs: readonly [number, number];
  /** What a call may take more than its timeouts add up to: nothing in virtual time. */
  readonly slackMs: number;
  /** How much older than its bounds a value may be when its caller gets it: nothing in virtual time. */
  readonly ageSlackMs: number;
}

/** What a drill works with. */
export interface DrillParts {
  readonly kv: KVNamespaceLike;
  readonly fault: DrillFault | undefined;
  readonly isHit: () => boolean;
  readonly random: () => number;
  /** True time, in milliseconds from the start. */
  readonly elapsed: () => number;
  readonly delay: (ms: number) => Promise<void>;
  readonly times: DrillTimes;
  readonly keys: number;
  readonly keyPrefix?: string;
}

/** What was loaded. */
export interface DrillValue {
  readonly key: string;
  readonly load: number;
}

interface Load {
  readonly key: string;
  readonly clockAtStart: number;
  clockAtEnd: number;
  endedAt: number;
}

interface Profile {
  readonly ttl: number;
  readonly options: GetOrSetOptions<DrillValue>;
  readonly hasTagFunction?: boolean;
}

type WaitUntil = (work: Promise<unknown>) => void;

/** How a request calls. */
export interface DrillRequest {
  readonly calls: number;
  /** How many of them begin at once. Above two they are all of one key. */
  readonly together?: number;
  /** Takes care of background work; `CacheDrill.background` does when absent. */
  readonly waitUntil?: WaitUntil;
}

const START = Date.UTC(2026, 0, 1);
const MAX_SKEW_MS = 60_000;
const OVERSIZE = 25 * 1024 * 1024;

/** How often a drill saw what. */
export interface DrillCounts {
  calls: number;
  values: number;
  loads: number;
  hits: number;
  stale: number;
  loaderErrors: number;
  loaderTimeouts: number;
  /** Faults of the drill itself; those of KV are counted where they are made. */
  injected: number;
}

/**
 * Requests of an isolate that read through a cache, and what must be true of every answer: it is a value that a loader made for
 * that key, within its bounds, or an error of a loader of that key; and it comes in time.
 */
export class CacheDrill {
  readonly counts: DrillCounts = {
    calls: 0,
    values: 0,
    loads: 0,
    hits: 0,
    stale: 0,
    loaderErrors: 0,
    loaderTimeouts: 0,
    injected: 0,
  };
  /** What was not as it must be; the first few. */
  readonly problems: string[] = [];
  readonly #parts: DrillParts;
  readonly #profiles: Profile[];
  readonly #memory = memoryTier({ ttlSeconds: 1 });
  readonly #loads: Load[] = [];
  readonly #errors = new Map<unknown, readonly string[]>();
  readonly #clock: { readonly since: number; readonly offset: number }[] = [{ since: 0, offset: START }];
  readonly #background: Promise<unknown>[] = [];
  readonly #pending = new Set<string>();
  readonly #note: WaitUntil = (work) => void this.#background.push(work);
  #requests = 0;

  constructor(parts: DrillParts) {
    this.#parts = parts;
    this.#profiles = profiles({ ...parts, isHit: () => this.#hits() });
  }

  /** The time that the clients are told, in milliseconds since the epoch. */
  readonly now = (): number => this.#parts.elapsed() + this.#clock.at(-1)!.offset;

  /** One request: two calls at once, or more of one key, and the rest one after the other. */
  async request({ calls, together = 2, waitUntil = this.#note }: DrillRequest): Promise<void> {
    if (this.#parts.fault === 'clock jumps' && this.#hits()) this.#jump();
    const { cache, hasBackground } = this.#client(waitUntil);
    const first = this.#pick();
    const pick = (): number => (together > 2 || this.#random() < 0.3 ? first : this.#pick());
    const early = Array.from({ length: together }, (_, index) => (index === 0 ? first : pick()));
    await Promise.all(early.map(async (key) => this.#call(cache, key, hasBackground)));
    for (let index = together; index < calls; index += 1) await this.#call(cache, this.#pick(), hasBackground);
  }

  /** Calls every key once, without chance: after the faults are over. */
  async callAll(waitUntil = this.#note): Promise<void> {
    const { cache } = this.#client(waitUntil);
    for (let key = 0; key < this.#parts.keys; key += 1) await this.#call(cache, key, true);
  }

  /** The calls that have not been answered. */
  pending(): string[] {
    return [...this.#pending];
  }

  /** Resolves when all background work is done; rejects with what nobody took care of. */
  async background(): Promise<void> {
    await Promise.all(this.#background);
  }

  #client(waitUntil: WaitUntil): { cache: CacheClient; hasBackground: boolean } {
    const { kv, times } = this.#parts;
    const number = (this.#requests += 1);
    const hasBackground = number % 5 !== 0;
    const options: CacheClientOptions = {
      timeoutMs: times.timeoutMs,
      now: this.now,
      random: this.#parts.random,
      memo: number % 3 === 0,
      clearable: number % 7 === 0,
      ...(number % 4 === 0 && { memory: this.#memory }),
      ...(hasBackground && { waitUntil }),
    };
    return { cache: new CacheClient(kv, options), hasBackground };
  }

  async #call(cache: CacheClient, index: number, hasBackground: boolean): Promise<void> {
    const profile = this.#profiles[index % this.#profiles.length]!;
    const key = this.#key(index);
    // A value of 25 MiB takes its time, so those calls share their loads.
    const isCheap = this.#parts.fault !== 'value over 25 MiB';
    const options = { ...profile.options, ...(isCheap && this.#random() < 0.05 && { forceFresh: true }) };
    const startedAt = this.#parts.elapsed();
    this.counts.calls += 1;
    const limit = this.#limit(profile, hasBackground, options.forceFresh === true);
    const isMany = isCheap && this.#random() < 0.05;
    const keys = (isMany ? [0, 1, 2] : [0]).map((step) =>
      this.#key((index + step * this.#profiles.length) % this.#parts.keys),
    );
    const name = `call ${this.counts.calls} of ${keys.join()} ${JSON.stringify(options)}`;
    this.#pending.add(name);
    try {
      if (isMany) {
        const load = async (missing: string[], context: LoadContext) => this.#load(missing, context);
        const values = await cache.getOrSetMany(keys, profile.ttl, load, options);
        for (const [each, value] of values) this.#judge(each, value, profile, { startedAt, hasBackground });
      } else {
        const load = async (context: LoadContext) => (await this.#load([key], context)).get(key)!;
        const value = await cache.getOrSet(key, profile.ttl, load, options);
        this.#judge(key, value, profile, { startedAt, hasBackground });
      }
    } catch (error) {
      this.#judgeError(keys, error, profile);
    }
    this.#pending.delete(name);
    const took = this.#parts.elapsed() - startedAt;
    if (took > limit) this.#problem(`${name} took ${took} ms of ${limit} ms`);
  }

  async #load(keys: readonly string[], { signal }: LoadContext): Promise<Map<string, DrillValue>> {
    const { fault, delay, times, elapsed } = this.#parts;
    const loads = keys.map((key) => {
      const load = { key, clockAtStart: this.now(), clockAtEnd: Infinity, endedAt: Infinity };
      return { key, load, number: this.#loads.push(load) - 1 };
    });
    this.counts.loads += 1;
    const isHit = (fault === 'loader fails' || fault === 'loader hangs') && this.#hits();
    if (isHit && fault === 'loader hangs') await this.#hang(signal);
    await delay(times.loadMs[0] + this.#random() * (times.loadMs[1] - times.loadMs[0]));
    if (isHit) {
      const error = new Error(`of the loader of ${keys.join()}`);
      this.#errors.set(error, keys);
      throw error;
    }
    for (const { load } of loads) Object.assign(load, { clockAtEnd: this.now(), endedAt: elapsed() });
    return new Map(loads.map(({ key, number }) => [key, { key, load: number }]));
  }

  /** For ever, as far as a loader that does not look at its signal is concerned; one that does gives up with its reason. */
  async #hang(signal: AbortSignal): Promise<never> {
    const isObedient = this.#random() < 0.5;
    return new Promise((_, reject) => {
      if (isObedient) signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }

  #judge(
    key: string,
    value: DrillValue | null,
    profile: Profile,
    { startedAt, hasBackground }: { startedAt: number; hasBackground: boolean },
  ): void {
    const load = typeof value === 'object' && value !== null ? this.#loads[value.load] : undefined;
    if (value === null || load?.key !== key || value.key !== key || Object.keys(value).length !== 2) {
      this.#problem(`${key} got ${JSON.stringify(value)}, which no loader of it made`);
      return;
    }
    this.counts.values += 1;
    // Callers own what they get.
    Object.assign(value, { mutated: true });
    const settledAt = this.#parts.elapsed();
    const { timeoutMs, ageSlackMs } = this.#parts.times;
    // A value that the call loaded itself, or joined, it has when its write is over.
    if (settledAt - load.endedAt <= timeoutMs + ageSlackMs) return;
    this.counts.hits += 1;
    // The clock may jump between the end of a load and the write of its value.
    const ends = this.#readings(load.endedAt, load.endedAt + 1 + ageSlackMs);
    const freshUntil = Math.max(...ends.map(([from]) => from)) + profile.ttl * 1000;
    const deadAt = freshUntil + this.#staleMs(profile, hasBackground) + ageSlackMs;
    const readings = this.#readings(startedAt, settledAt);
    if (!readings.some(([from]) => from < freshUntil)) this.counts.stale += 1;
    if (readings.some(([from, to]) => from < deadAt && load.clockAtStart <= to + MAX_SKEW_MS)) return;
    const age = `${this.now() - load.clockAtEnd} ms old`;
    this.#problem(`${key} got a value ${age} (${JSON.stringify(profile)})`);
  }

  #judgeError(asked: readonly string[], error: unknown, { options }: Profile): void {
    const { fault } = this.#parts;
    const failed = this.#errors.get(error);
    if (failed?.some((key) => asked.includes(key)) === true) this.counts.loaderErrors += 1;
    else if (
      fault === 'loader hangs' &&
      options.hardTimeoutMs !== undefined &&
      isCloudflareClientError(error, 'LOADER_TIMEOUT')
    ) {
      this.counts.loaderTimeouts += 1;
    } else this.#problem(`${asked.join()} got ${String((error as Error | undefined)?.stack ?? error)}`);
  }

  /** How long a call may take: its reads, the load of another, its own load and its write, a timeout each. */
  #limit({ options, hasTagFunction }: Profile, hasBackground: boolean, isForced: boolean): number {
    const { timeoutMs, joinTimeoutMs, loadMs, slackMs } = this.#parts.times;
    const read = timeoutMs * (hasTagFunction === true && !isForced ? 2 : 1);
    const join = options.singleFlight === 'isolate' && hasBackground ? joinTimeoutMs : 0;
    const write = options.awaitWrites === false && hasBackground ? 0 : timeoutMs;
    return read + join + (options.hardTimeoutMs ?? Math.ceil(loadMs[1]) + 1) + write + slackMs;
  }

  /** How long after its TTL a value may be served. Stale values stand in only for loaders that fail or are slow. */
  #staleMs({ options }: Profile, hasBackground: boolean): number {
    const { staleWhileRevalidate = 0, staleIfError = 0, softTimeoutMs } = options;
    const isLoaderBad = this.#parts.fault === 'loader fails' || this.#parts.fault === 'loader hangs';
    const ifError = isLoaderBad || (softTimeoutMs !== undefined && hasBackground) ? staleIfError : 0;
    return Math.max(hasBackground ? staleWhileRevalidate : 0, ifError) * 1000;
  }

  /** The spans of time that the clock showed from `start` to `end`. */
  #readings(start: number, end: number): [number, number][] {
    const shown = this.#clock.filter(
      ({ since }, index) => since <= end && (this.#clock[index + 1]?.since ?? Infinity) >= start,
    );
    return shown.map(({ since, offset }) => [Math.max(since, start) + offset, end + offset]);
  }

  #jump(): void {
    const sign = this.#random() < 0.5 ? -1 : 1;
    const ms = Math.round(10 ** (1 + this.#random() * 7));
    const offset = this.#random() < 0.3 ? START : this.#clock.at(-1)!.offset + sign * ms;
    this.#clock.push({ since: this.#parts.elapsed(), offset });
  }

  #hits(): boolean {
    if (!this.#parts.isHit()) return false;
    this.counts.injected += 1;
    return true;
  }

  /** A few keys are asked for often, the others seldom. */
  #pick(): number {
    return Math.floor(this.#random() ** 2 * this.#parts.keys);
  }

  #key(index: number): string {
    return `${this.#parts.keyPrefix ?? 'cache:drill:'}${index}`;
  }

  #random(): number {
    return this.#parts.random();
  }

  #problem(text: string): void {
    if (this.problems.length < 5) this.problems.push(text);
  }
}

/** What keys are cached with, by their number. */
function profiles({ fault, isHit, times }: DrillParts): Profile[] {
  const { hardTimeoutMs, softTimeoutMs, joinTimeoutMs } = times;
  const hard = fault === 'loader hangs' ? { hardTimeoutMs } : {};
  const shared = { singleFlight: 'isolate', joinTimeoutMs } as const;
  if (fault === 'value over 25 MiB') {
    const codec = oversizeCodec(isHit);
    return [
      { ttl: 1, options: { codec } },
      { ttl: 1, options: { codec, ...shared, staleIfError: 2 } },
    ];
  }
  const tags = fault === 'metadata over 1,024 bytes' ? () => someTags(isHit()) : () => ['drill:a', 'drill:b'];
  const plain: Profile[] = [
    { ttl: 2, options: { ...hard } },
    { ttl: 3, options: { staleWhileRevalidate: 4, ...hard } },
    { ttl: 2, options: { staleIfError: 6, ...hard, refreshBackoffSeconds: 1 } },
    { ttl: 1, options: { staleWhileRevalidate: 1, staleIfError: 5, softTimeoutMs, hardTimeoutMs } },
    { ttl: 2, options: { tags: ['drill:a', 'drill:c'], staleIfError: 3, ...hard } },
    { ttl: 3, options: { tags, hardTimeoutMs }, hasTagFunction: true },
    { ttl: 1, options: { ...shared, ...hard } },
    { ttl: 1, options: { ...shared, tags: ['drill:b'], staleWhileRevalidate: 2, staleIfError: 4, hardTimeoutMs } },
    { ttl: 2, options: { earlyRefresh: 1, ttlJitter: 0.2, awaitWrites: false, ...hard } },
    { ttl: 1, options: { ...shared, softTimeoutMs, staleIfError: 2, awaitWrites: false, hardTimeoutMs } },
  ];
  if (fault !== 'metadata over 1,024 bytes') return plain;
  return plain.map(({ ttl, options }) => ({ ttl, options: { ...options, tags }, hasTagFunction: true }));
}

function someTags(isTooMuch: boolean): string[] {
  return Array.from({ length: isTooMuch ? 20 : 2 }, (_, index) => `drill:${String(index).padEnd(60, '-')}`);
}

/** Writes JSON, and after it more than KV takes. */
function oversizeCodec(isHit: () => boolean): CacheCodec {
  const more = ' '.repeat(OVERSIZE);
  return {
    encode: (value) => ({ text: `${JSON.stringify(value)}\n${isHit() ? more : ''}`, format: 'padded' }),
    decode: ({ text }): unknown => JSON.parse(text.slice(0, text.indexOf('\n'))),
  };
}
