import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import type { CacheMissReason, CacheRefreshEvent } from '../../../events.js';
import { forEachParallel } from '../parallel.js';
import { settleWithin } from '../timeout.js';
import type { LoadContext, Ttl } from './cache-options.js';
import type { CachePolicy } from './cache-policy.js';
import type { Found, FoundValue } from './entry-finder.js';
import { Flight } from './flight.js';
import { runLoader } from './load.js';
import type { ReadThroughParts } from './read-through.js';

/** Loads many values at once: called with the missing keys in the order asked, answers with their values by key. */
export type ManyLoader<T> = (
  missing: string[],
  context: LoadContext,
) => ReadonlyMap<string, T> | Promise<ReadonlyMap<string, T>>;

/** One `getOrSetMany`. */
export interface ManyCall {
  readonly keys: readonly string[];
  readonly ttl: Ttl<unknown>;
  readonly loader: ManyLoader<unknown>;
  readonly policy: CachePolicy;
}

type Flights = ReadonlyMap<string, Flight>;

/** What a loader gave for many keys. */
interface LoadedMany {
  readonly keys: string[];
  readonly loaded: ReadonlyMap<string, unknown>;
  readonly startedAt: number;
  readonly createdAt: number;
}

/** Reads many keys, and loads all that are missing at once: the rules of `CacheClient.getOrSetMany`. */
export class ReadThroughMany {
  readonly #parts: ReadThroughParts;

  constructor(parts: ReadThroughParts) {
    this.#parts = parts;
  }

  /** Answers a call: every asked key in the order asked, with `null` for what there is no value of. */
  async get(call: ManyCall): Promise<Map<string, unknown>> {
    const { keys, policy } = call;
    if (policy.bypass === true) return this.#bypass(call);
    if (policy.forceFresh === true) await Promise.all(keys.map((key) => this.#parts.underway.supersede(key)));
    const flights = new Map(keys.map((key) => [key, new Flight()]));
    for (const [key, flight] of flights) this.#parts.underway.enter(key, flight);
    try {
      return await this.#lead(call, flights);
    } finally {
      for (const [key, flight] of flights) this.#parts.underway.leave(key, flight);
    }
  }

  async #bypass({ keys, loader, policy }: ManyCall): Promise<Map<string, unknown>> {
    const loaded = await runLoader(async (context) => loader([...keys], context), policy.hardTimeoutMs);
    return new Map(keys.map((key) => [key, checkLoaded(loaded).get(key) ?? null]));
  }

  async #lead(call: ManyCall, flights: Flights): Promise<Map<string, unknown>> {
    const { keys, policy } = call;
    const { context, finder } = this.#parts;
    const startedAt = context.now();
    const found = policy.forceFresh === true ? new Map<string, Found>() : await finder.findMany(keys, policy);
    const values = new Map<string, unknown>(keys.map((key) => [key, null]));
    const missing: string[] = [];
    const stale: string[] = [];
    for (const key of keys) {
      const entry = found.get(key);
      const served = this.#serve(key, entry, policy, startedAt);
      if (served === undefined) missing.push(key);
      else values.set(key, served.value);
      if (served?.status === 'stale') stale.push(key);
    }
    this.#refresh(call, stale);
    if (missing.length === 0) return values;
    const loaded = await this.#load({ ...call, keys: missing }, flights, found);
    for (const key of missing) values.set(key, loaded.get(key) ?? null);
    return values;
  }

  /** What is served at once: what is fresh, and what a refresh in the background makes up for. */
  #serve(key: string, entry: Found | undefined, policy: CachePolicy, startedAt: number): FoundValue | undefined {
    const { reporter, hasBackground } = this.#parts.context;
    if (entry?.status === 'fresh') {
      reporter?.hit(key, entry, startedAt);
      return entry;
    }
    if (entry?.status === 'stale' && hasBackground && entry.staleMs < policy.staleWhileRevalidate * 1000) {
      reporter?.stale(key, entry, 'revalidate');
      return entry;
    }
    reporter?.miss(key, reasonOf(entry), startedAt);
    return undefined;
  }

  /** Loads; where every key has a stale value that may stand in, falls back on those. */
  async #load(
    call: ManyCall,
    flights: Flights,
    found: ReadonlyMap<string, Found>,
  ): Promise<ReadonlyMap<string, unknown>> {
    const { keys, policy } = call;
    const { context } = this.#parts;
    const fallback = (): Map<string, unknown> | undefined => this.#staleValues(keys, found, policy);
    const load = this.#loadAndKeep(call, flights, undefined);
    const isLeaving = policy.softTimeoutMs !== undefined && context.hasBackground && fallback() !== undefined;
    try {
      const answer = isLeaving ? await settleWithin(load, policy.softTimeoutMs) : { value: await load };
      if (answer !== 'late') return answer.value;
    } catch (error) {
      const values = fallback();
      if (values === undefined) throw error;
      this.#reportStale(keys, found, isCloudflareClientError(error, 'LOADER_TIMEOUT') ? 'timeout' : 'error');
      return values;
    }
    context.hold(load);
    const values = fallback();
    if (values === undefined) return load;
    this.#reportStale(keys, found, 'timeout');
    return values;
  }

  #refresh(call: ManyCall, stale: readonly string[]): void {
    const { context } = this.#parts;
    const { gate } = context.isolate;
    const keys = stale.filter((key) => gate.tryBegin(key, context.now()));
    if (keys.length === 0) return;
    const flights = new Map(keys.map((key) => [key, new Flight()]));
    for (const [key, flight] of flights) this.#parts.underway.enter(key, flight);
    const over = (settle: (key: string) => void) => () => {
      for (const [key, flight] of flights) {
        settle(key);
        this.#parts.underway.leave(key, flight);
      }
    };
    const backoffMs = call.policy.refreshBackoffSeconds * 1000;
    context.hold(
      this.#loadAndKeep({ ...call, keys }, flights, 'stale').then(
        over((key) => gate.succeed(key)),
        over((key) => gate.fail(key, context.now() + backoffMs)),
      ),
    );
  }

  async #loadAndKeep(
    call: ManyCall,
    flights: Flights,
    trigger: CacheRefreshEvent['trigger'] | undefined,
  ): Promise<ReadonlyMap<string, unknown>> {
    const { keys, loader, policy } = call;
    const startedAt = this.#parts.context.now();
    const createdAt = this.#parts.context.isolate.order.load(startedAt);
    let loaded: ReadonlyMap<string, unknown>;
    try {
      loaded = checkLoaded(await runLoader(async (context) => loader([...keys], context), policy.hardTimeoutMs));
    } catch (error) {
      const outcome = isCloudflareClientError(error, 'LOADER_TIMEOUT') ? 'timeout' : 'error';
      this.#reportLoad(keys, trigger, startedAt, { outcome, error });
      throw error;
    }
    this.#reportLoad(keys, trigger, startedAt, { outcome: 'value' });
    const kept = keys.filter((key) => loaded.has(key) || policy.negativeTtlSeconds !== undefined);
    await this.#keep(call, flights, { keys: kept, loaded, startedAt, createdAt });
    return loaded;
  }

  async #keep({ ttl, policy }: ManyCall, flights: Flights, { keys, loaded, ...times }: LoadedMany): Promise<void> {
    const { context, writer } = this.#parts;
    let isHanging = false;
    const writing = forEachParallel(keys, async (key) => {
      const flight = flights.get(key);
      // A KV that hangs would hang for every write of the rest as well, a timeout each.
      if (flight === undefined || isHanging) return;
      const value = loaded.get(key) ?? null;
      const { written } = await writer.keep(flight, { key, value, ttl, policy, ...times });
      if ((await written) === 'KV_TIMEOUT') isHanging = true;
    });
    if (policy.awaitWrites || !context.hasBackground) await writing;
    else context.hold(writing);
  }

  #staleValues(
    keys: readonly string[],
    found: ReadonlyMap<string, Found>,
    { staleIfError }: CachePolicy,
  ): Map<string, unknown> | undefined {
    const now = this.#parts.context.now();
    const values = new Map<string, unknown>();
    for (const key of keys) {
      const entry = found.get(key);
      if (entry?.status !== 'stale' || now >= (entry.record?.e ?? 0) + staleIfError * 1000) return undefined;
      values.set(key, entry.value);
    }
    return values;
  }

  #reportStale(keys: readonly string[], found: ReadonlyMap<string, Found>, reason: 'error' | 'timeout'): void {
    for (const key of keys) {
      const entry = found.get(key);
      if (entry?.status === 'stale') this.#parts.context.reporter?.stale(key, entry, reason);
    }
  }

  #reportLoad(
    keys: readonly string[],
    trigger: CacheRefreshEvent['trigger'] | undefined,
    startedAt: number,
    end: Pick<CacheRefreshEvent, 'outcome' | 'error'>,
  ): void {
    const { reporter } = this.#parts.context;
    const [first = ''] = keys;
    if (trigger === undefined) reporter?.load(first, end.outcome, startedAt, keys.length);
    else reporter?.refresh(first, { trigger, keys: keys.length, ...end }, startedAt);
  }
}

function reasonOf(entry: Found | undefined): CacheMissReason {
  if (entry === undefined) return 'forced';
  return entry.status === 'miss' ? entry.reason : 'expired';
}

function checkLoaded(loaded: ReadonlyMap<string, unknown>): ReadonlyMap<string, unknown> {
  const { get, has } = (loaded as Partial<ReadonlyMap<string, unknown>> | null) ?? {};
  if (typeof get === 'function' && typeof has === 'function') return loaded;
  throw new CloudflareClientError(
    'INVALID_VALUE',
    'The loader of getOrSetMany must answer with a Map of values by key.',
  );
}
