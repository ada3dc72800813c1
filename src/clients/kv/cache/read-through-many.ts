import { CloudflareClientError } from '../../../errors.js';
import type { CacheMissReason, CacheRefreshEvent } from '../../../events.js';
import { forEachParallel } from '../parallel.js';
import { settleWithin } from '../timeout.js';
import type { LoadContext, Ttl } from './cache-options.js';
import type { CachePolicy } from './cache-policy.js';
import type { Found, FoundValue } from './entry-finder.js';
import { isDueEarly } from './early-refresh.js';
import type { Flight } from './flight.js';
import { newFlight } from './flight-board.js';
import { runLoader } from './load.js';
import type { ReadThroughParts } from './call.js';
import { isTimeout } from './call-loader.js';

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

const EXPIRED: Found = { status: 'miss', reason: 'expired' };

type Flights = ReadonlyMap<string, Flight>;
type Trigger = CacheRefreshEvent['trigger'];

/** A load of many keys: whether anybody waits for it. */
interface ManyLoad {
  trigger: Trigger | undefined;
}

/** Reads many keys, and loads all that are missing at once: the rules of `CacheClient.getOrSetMany`. */
export class ReadThroughMany {
  readonly #parts: ReadThroughParts;

  constructor(parts: ReadThroughParts) {
    this.#parts = parts;
  }

  /** Answers a call: every asked key in the order asked, with `null` for what there is no value of. */
  async get(call: ManyCall): Promise<Map<string, unknown>> {
    const { keys, loader, policy } = call;
    if (policy.bypass) {
      const loaded = checkLoaded(await runLoader(async (context) => loader([...keys], context), policy.hardTimeoutMs));
      return new Map(keys.map((key) => [key, loaded.get(key) ?? null]));
    }
    if (policy.forceFresh) await Promise.all(keys.map((key) => this.#parts.underway.supersede(key)));
    // From here on, so that what changes while it reads is not overwritten by what it loads.
    const flights = this.#enter(keys, policy);
    const found = policy.forceFresh ? new Map<string, Found>() : await this.#find(flights, call);
    return this.#serveAndLoad(call, flights, found);
  }

  #enter(keys: readonly string[], policy: CachePolicy): Flights {
    const { context, underway } = this.#parts;
    const flights = new Map(keys.map((key) => [key, newFlight(context, policy)]));
    for (const [key, flight] of flights) underway.enter(key, flight);
    return flights;
  }

  async #find(flights: Flights, { keys, policy }: ManyCall): Promise<ReadonlyMap<string, Found>> {
    try {
      return await this.#parts.finder.findMany(keys, policy);
    } catch (error) {
      for (const [key, flight] of flights) this.#parts.underway.leave(key, flight);
      throw error;
    }
  }

  async #serveAndLoad(
    call: ManyCall,
    flights: Flights,
    found: ReadonlyMap<string, Found>,
  ): Promise<Map<string, unknown>> {
    const { keys, policy } = call;
    const startedAt = this.#parts.context.now();
    const values = new Map<string, unknown>(keys.map((key) => [key, null]));
    const missing: string[] = [];
    const due: string[] = [];
    for (const key of keys) {
      const entry = found.get(key);
      const isDropped = this.#parts.finder.isDropped(key, flights.get(key) as Flight);
      const served = this.#serve(key, isDropped && entry?.status === 'stale' ? EXPIRED : entry, policy, startedAt);
      if (served === undefined) {
        missing.push(key);
        continue;
      }
      values.set(key, served.value);
      this.#parts.underway.leave(key, flights.get(key) as Flight);
      if (this.#isDue(served, policy)) due.push(key);
    }
    this.#refresh(call, due, found);
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

  #isDue({ status, record }: FoundValue, { earlyRefresh }: CachePolicy): boolean {
    const { context } = this.#parts;
    return status === 'stale' || (context.hasBackground && isDueEarly(record, earlyRefresh, context));
  }

  /** Loads; where every key has a stale value that may stand in, falls back on those. */
  async #load(
    call: ManyCall,
    flights: Flights,
    found: ReadonlyMap<string, Found>,
  ): Promise<ReadonlyMap<string, unknown>> {
    const { keys, policy } = call;
    const { context } = this.#parts;
    const fallback = (): Map<string, unknown> | undefined => this.#staleValues(keys, { flights, found });
    if (keys.every((key) => context.isolate.gate.isBackingOff(key, context.now()))) {
      const values = fallback();
      if (values !== undefined) return this.#leaveWith(values, { flights, found, reason: 'error' });
    }
    const load: ManyLoad = { trigger: undefined };
    const loading = this.#loadAndKeep(call, flights, load);
    const canLeave = policy.softTimeoutMs !== undefined && context.hasBackground && fallback() !== undefined;
    try {
      const answer = canLeave ? await settleWithin(loading, policy.softTimeoutMs) : { value: await loading };
      if (answer !== 'late') return answer.value;
    } catch (error) {
      const values = fallback();
      if (values === undefined) throw error;
      this.#backOff(keys, policy);
      return this.#report(values, found, isTimeout(error) ? 'timeout' : 'error');
    }
    load.trigger = 'slow';
    context.hold(loading.catch(() => this.#backOff(keys, policy)));
    const values = fallback();
    return values === undefined ? loading : this.#report(values, found, 'timeout');
  }

  #leaveWith(
    values: Map<string, unknown>,
    { flights, found, reason }: { flights: Flights; found: ReadonlyMap<string, Found>; reason: 'error' | 'timeout' },
  ): Map<string, unknown> {
    for (const key of values.keys()) this.#parts.underway.leave(key, flights.get(key) as Flight);
    return this.#report(values, found, reason);
  }

  #refresh(call: ManyCall, due: readonly string[], found: ReadonlyMap<string, Found>): void {
    const { context } = this.#parts;
    const { gate } = context.isolate;
    const keys = due.filter((key) => gate.tryBegin(key, context.now()));
    if (keys.length === 0) return;
    const isStale = keys.some((key) => found.get(key)?.status === 'stale');
    const flights = this.#enter(keys, call.policy);
    const loading = this.#loadAndKeep({ ...call, keys }, flights, { trigger: isStale ? 'stale' : 'early' });
    context.hold(loading.catch(() => this.#backOff(keys, call.policy)));
  }

  async #loadAndKeep(call: ManyCall, flights: Flights, load: ManyLoad): Promise<ReadonlyMap<string, unknown>> {
    const { keys, loader, policy } = call;
    const { context, underway } = this.#parts;
    const startedAt = context.now();
    const createdAt = context.isolate.order.load(startedAt);
    let writing: Promise<unknown> | undefined;
    try {
      const loaded = checkLoaded(await runLoader(async (each) => loader([...keys], each), policy.hardTimeoutMs));
      this.#reportLoad(keys, load, startedAt, { outcome: 'value' });
      ({ writing } = await this.#keep(call, flights, { loaded, startedAt, createdAt, load }));
      if (policy.awaitWrites || !context.hasBackground) await writing;
      else context.hold(writing);
      return loaded;
    } catch (error) {
      if (writing === undefined) {
        this.#reportLoad(keys, load, startedAt, { outcome: isTimeout(error) ? 'timeout' : 'error', error });
      }
      throw error;
    } finally {
      for (const key of keys) underway.leaveAfter(key, flights.get(key) as Flight, writing);
    }
  }

  /** Makes all entries at once, before the caller can change a value; then writes them. Answers with the writing, which never rejects. */
  async #keep(
    { keys, ttl, policy }: ManyCall,
    flights: Flights,
    many: LoadedMany,
  ): Promise<{ writing: Promise<void> }> {
    const { context, writer } = this.#parts;
    const { loaded, load, ...times } = many;
    const isGiven = (key: string): boolean => loaded.has(key) || policy.negativeTtlSeconds !== undefined;
    // What is asked for anew and not answered takes away what is stored.
    const kept = policy.forceFresh ? keys : keys.filter(isGiven);
    const prepared = await Promise.all(
      kept.map(async (key) => {
        const flight = flights.get(key) as Flight;
        const one = { key, value: loaded.get(key) ?? null, ttl, policy, ...times };
        return { flight, one, entry: isGiven(key) ? await writer.prepare(flight, one) : undefined };
      }),
    );
    let isHanging = false;
    const writing = forEachParallel(prepared, async ({ flight, one, entry }) => {
      // A KV that hangs would hang for every write of the rest as well, a timeout each.
      if (isHanging) return context.reporter?.skip(one.key, 'KV does not answer writes.');
      const failure = await writer.keep(flight, one, entry);
      if (failure === 'KV_TIMEOUT') isHanging = true;
      if (failure === undefined) context.isolate.gate.succeed(one.key);
      else if (load.trigger !== undefined) context.isolate.gate.rest(one.key, this.#backOffEnd(policy));
    });
    // In an object: a promise that an async function returns is waited for.
    return { writing };
  }

  #backOff(keys: readonly string[], policy: CachePolicy): void {
    for (const key of keys) this.#parts.context.isolate.gate.fail(key, this.#backOffEnd(policy));
  }

  #backOffEnd({ refreshBackoffSeconds }: CachePolicy): number {
    return this.#parts.context.now() + refreshBackoffSeconds * 1000;
  }

  /** The stale values of all keys, if each has one that may stand in. */
  #staleValues(
    keys: readonly string[],
    { flights, found }: { flights: Flights; found: ReadonlyMap<string, Found> },
  ): Map<string, unknown> | undefined {
    const values = new Map<string, unknown>();
    for (const key of keys) {
      const entry = found.get(key);
      const flight = flights.get(key);
      if (entry === undefined || entry.status === 'miss' || flight === undefined) return undefined;
      if (!this.#parts.finder.isUsable(key, flight, entry.record)) return undefined;
      values.set(key, entry.value);
    }
    return values;
  }

  #report(
    values: Map<string, unknown>,
    found: ReadonlyMap<string, Found>,
    reason: 'error' | 'timeout',
  ): Map<string, unknown> {
    for (const key of values.keys()) {
      const entry = found.get(key);
      if (entry?.status === 'stale') this.#parts.context.reporter?.stale(key, entry, reason);
    }
    return values;
  }

  #reportLoad(keys: readonly string[], { trigger }: ManyLoad, startedAt: number, end: LoadEnd): void {
    const { reporter } = this.#parts.context;
    const [first = ''] = keys;
    if (trigger === undefined) reporter?.load(first, end.outcome, startedAt, keys.length);
    else reporter?.refresh(first, { trigger, keys: keys.length, ...end }, startedAt);
  }
}

/** What a loader gave for many keys. */
interface LoadedMany {
  readonly loaded: ReadonlyMap<string, unknown>;
  readonly startedAt: number;
  readonly createdAt: number;
  readonly load: ManyLoad;
}

/** How a load ended. */
type LoadEnd = Pick<CacheRefreshEvent, 'outcome' | 'error'>;

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
