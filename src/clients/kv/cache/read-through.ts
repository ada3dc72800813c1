import { isCloudflareClientError } from '../../../errors.js';
import type { CacheRefreshEvent, CacheStaleEvent } from '../../../events.js';
import { settleWithin } from '../timeout.js';
import type { EncodedValue } from './cache-codec.js';
import type { CacheContext } from './cache-context.js';
import type { Loader, Ttl } from './cache-options.js';
import type { CachePolicy } from './cache-policy.js';
import type { EntryFinder, Found, FoundValue } from './entry-finder.js';
import type { EntryWriter } from './entry-writer.js';
import { Flight } from './flight.js';
import { isDueEarly } from './early-refresh.js';
import { runLoader } from './load.js';
import { Loading } from './loading.js';
import type { Underway } from './underway.js';

/** One `getOrSet`. */
export interface Call {
  readonly key: string;
  readonly ttl: Ttl<unknown>;
  readonly loader: Loader<unknown>;
  readonly policy: CachePolicy;
}

/** The parts that a read-through works with. */
export interface ReadThroughParts {
  readonly context: CacheContext;
  readonly finder: EntryFinder;
  readonly writer: EntryWriter;
  readonly underway: Underway;
}

/** Reads, and loads what is missing: the rules of `CacheClient.getOrSet`. */
export class ReadThrough {
  readonly #context: CacheContext;
  readonly #finder: EntryFinder;
  readonly #writer: EntryWriter;
  readonly #underway: Underway;

  constructor({ context, finder, writer, underway }: ReadThroughParts) {
    this.#context = context;
    this.#finder = finder;
    this.#writer = writer;
    this.#underway = underway;
  }

  /** Answers a call: from what is at hand, with the first caller of the same key, or as the first caller. */
  get(call: Call): Promise<unknown> {
    const { key, policy } = call;
    if (policy.bypass === true) return runLoader(call.loader, policy.hardTimeoutMs);
    const { flights } = this.#underway;
    const flight = new Flight();
    if (policy.forceFresh === true) {
      // What was begun before is older than what is asked for now.
      const settled = this.#underway.supersede(key);
      flights.set(key, flight);
      return (flight.leader = this.#leadFresh(flight, call, settled));
    }
    const current = flights.get(key);
    if (current !== undefined) return current.join();
    const near = this.#finder.findNear(key, policy);
    if (near !== undefined) return this.#serveNear(call, near);
    flights.set(key, flight);
    return (flight.leader = this.#lead(flight, call));
  }

  #serveNear(call: Call, near: FoundValue): Promise<unknown> {
    const { now, reporter } = this.#context;
    reporter?.hit(call.key, near, now());
    const isEarly = isDueEarly(near.record, call.policy.earlyRefresh, this.#context);
    if (isEarly && this.#context.hasBackground) this.#refresh(call, 'early');
    return Promise.resolve(near.value);
  }

  async #leadFresh(flight: Flight, call: Call, settled: Promise<void>): Promise<unknown> {
    const { reporter, now } = this.#context;
    try {
      reporter?.miss(call.key, 'forced', now());
      await settled;
      return await this.#load(flight, call, undefined);
    } finally {
      this.#leave(flight, call);
    }
  }

  async #lead(flight: Flight, call: Call): Promise<unknown> {
    const { key, policy } = call;
    const startedAt = this.#context.reporter === undefined ? 0 : this.#context.now();
    try {
      let found: Found | Promise<Found>;
      try {
        // Where nothing is at hand, as `find` does, without a promise more: every hit pays for each.
        found = this.#finder.isDirect
          ? this.#finder.judgeRead(key, await this.#finder.read(key, policy), policy)
          : this.#finder.find(key, policy);
        if (found instanceof Promise) found = await found;
      } catch (cause) {
        found = this.#finder.failed(key, cause);
      }
      const served = this.#serveFound(flight, call, found, startedAt);
      return served instanceof Promise ? await served : served;
    } finally {
      this.#leave(flight, call);
    }
  }

  /** What a call gets for what was found; a promise only where that is more than to hand it over. */
  #serveFound(flight: Flight, call: Call, found: Found, startedAt: number): unknown {
    const { key, policy } = call;
    const { reporter, hasBackground } = this.#context;
    if (found.status === 'miss') {
      reporter?.miss(key, found.reason, startedAt);
      return this.#load(flight, call, undefined);
    }
    const isEarly = isDueEarly(found.record, policy.earlyRefresh, this.#context);
    if (found.status === 'stale' || (isEarly && !hasBackground)) return this.#serveStale(flight, call, found);
    if (policy.codec === undefined) flight.text = found.text;
    reporter?.hit(key, found, startedAt);
    if (isEarly) this.#refresh(call, 'early');
    return found.value;
  }

  #leave(flight: Flight, { key }: Call): void {
    // A superseded flight is out of the map already, and another may be in its place.
    if (!flight.isSuperseded) this.#underway.flights.delete(key);
  }

  /** A value past its TTL: it is served while a refresh runs, or when the load is slow or fails, or not at all. */
  async #serveStale(flight: Flight, call: Call, found: FoundValue): Promise<unknown> {
    const { key, policy } = call;
    const { hasBackground, isolate, now, reporter } = this.#context;
    const canRevalidate = hasBackground && found.staleMs < policy.staleWhileRevalidate * 1000;
    const isBackingOff = isolate.gate.isBackingOff(key, now());
    if (found.status === 'stale' && canRevalidate) {
      this.#refresh(call, 'stale');
      return this.#serve(flight, call, found, 'revalidate');
    }
    if (found.status === 'stale' && isBackingOff && this.#isUsable(found, policy)) {
      return this.#serve(flight, call, found, 'error');
    }
    if (found.status === 'stale') reporter?.miss(key, 'expired', now());
    return this.#load(flight, call, found);
  }

  /** Loads; falls back on what was found, within its bounds. */
  async #load(flight: Flight, call: Call, found: FoundValue | undefined): Promise<unknown> {
    const { key, policy } = call;
    const { gate } = this.#context.isolate;
    const refreshing = policy.forceFresh === true ? undefined : this.#underway.refreshes.get(key);
    const loading = new Loading();
    const load = refreshing?.join() ?? this.#loadShared(flight, call, loading);
    try {
      const value = await this.#withSoftTimeout(call, load, found);
      if (value !== LATE) return value;
    } catch (error) {
      if (found === undefined || !this.#isUsable(found, policy)) throw error;
      gate.fail(key, this.#context.now() + policy.refreshBackoffSeconds * 1000);
      return this.#serve(flight, call, found, isTimeout(error) ? 'timeout' : 'error');
    }
    // The caller leaves; the load goes on as a refresh, which the next callers join.
    loading.trigger = 'slow';
    if (refreshing === undefined) this.#adopt(call, load);
    return this.#serve(flight, call, found as FoundValue, 'timeout');
  }

  async #withSoftTimeout({ policy }: Call, load: Promise<unknown>, found: FoundValue | undefined): Promise<unknown> {
    const { softTimeoutMs } = policy;
    const canLeave = softTimeoutMs !== undefined && found !== undefined && this.#context.hasBackground;
    if (!canLeave || !this.#isUsable(found, policy)) return load;
    const answer = await settleWithin(load, softTimeoutMs);
    // It may have gone out of its bounds in the meantime; then there is nothing to leave with.
    if (answer === 'late') return this.#isUsable(found, policy) ? LATE : load;
    return answer.value;
  }

  /** Makes a load that goes on without its caller a refresh. */
  #adopt({ key, policy }: Call, load: Promise<unknown>): void {
    const { refreshes } = this.#underway;
    const { isolate, now } = this.#context;
    const flight = new Flight();
    flight.leader = load;
    refreshes.set(key, flight);
    const settled = load.then(
      () => isolate.gate.succeed(key),
      () => isolate.gate.fail(key, now() + policy.refreshBackoffSeconds * 1000),
    );
    this.#context.hold(
      settled.then(() => {
        if (refreshes.get(key) === flight) refreshes.delete(key);
      }),
    );
  }

  /** Starts a refresh in the background, unless one is under way in this isolate or backs off. */
  #refresh(call: Call, trigger: CacheRefreshEvent['trigger']): void {
    const { key } = call;
    const { isolate, now } = this.#context;
    if (this.#underway.refreshes.has(key) || !isolate.gate.tryBegin(key, now())) return;
    this.#adopt(call, this.#loadShared(new Flight(), call, new Loading(trigger)));
  }

  /** Loads as the first of the isolate, or waits for the one that does, where the policy says so. */
  async #loadShared(flight: Flight, call: Call, loading: Loading): Promise<unknown> {
    const { key, policy } = call;
    const { hasBackground, isolate, now, reporter } = this.#context;
    if (policy.singleFlight === 'request' || !hasBackground) return this.#loadAndKeep(flight, call, loading);
    const startedAt = now();
    const other = policy.forceFresh === true ? undefined : isolate.loads.find(key, startedAt);
    if (other !== undefined) {
      const encoded = await isolate.loads.join(key, other, policy.joinTimeoutMs);
      const joined = encoded === undefined ? undefined : await this.#decodeShared(call, encoded);
      if (joined !== undefined) {
        if (policy.codec === undefined) flight.text = encoded?.text;
        reporter?.load(key, 'joined', startedAt);
        return joined.value;
      }
      return this.#loadAndKeep(flight, call, loading);
    }
    const shared = { encoded: loading.encoded, startedAt };
    isolate.loads.offer(key, shared);
    const load = this.#loadAndKeep(flight, call, loading).finally(() => {
      loading.settle(undefined);
      isolate.loads.release(key, shared);
    });
    this.#context.hold(load);
    return load;
  }

  /** Runs the loader and stores what it gives. */
  async #loadAndKeep(flight: Flight, call: Call, loading: Loading): Promise<unknown> {
    const { key, ttl, policy } = call;
    const startedAt = this.#context.now();
    const createdAt = this.#context.isolate.order.load(startedAt);
    this.#underway.enter(key, flight);
    try {
      let value: unknown;
      try {
        value = await runLoader(call.loader, policy.hardTimeoutMs);
      } catch (error) {
        this.#reportLoad(key, loading, startedAt, { outcome: isTimeout(error) ? 'timeout' : 'error', error });
        throw error;
      }
      this.#reportLoad(key, loading, startedAt, { outcome: 'value' });
      const { encoded, written } = await this.#writer.keep(flight, { key, value, ttl, policy, startedAt, createdAt });
      loading.settle(encoded);
      if (policy.awaitWrites || !this.#context.hasBackground) await written;
      return value;
    } finally {
      this.#underway.leave(key, flight);
    }
  }

  async #decodeShared({ key, policy }: Call, encoded: EncodedValue): Promise<{ value: unknown } | undefined> {
    try {
      if (policy.codec !== undefined) return { value: await policy.codec.decode(encoded, { key }) };
      return encoded.format === '' ? { value: JSON.parse(encoded.text) } : undefined;
    } catch {
      return undefined;
    }
  }

  #serve(flight: Flight, { key, policy }: Call, found: FoundValue, reason: CacheStaleEvent['reason']): unknown {
    if (policy.codec === undefined) flight.text = found.text;
    const { reporter, now } = this.#context;
    const served = { ...found, staleMs: Math.max(0, now() - (found.record?.e ?? 0)) };
    reporter?.stale(key, served, reason);
    return found.value;
  }

  /** Whether a found value may stand in for a load that fails or is slow: while it is fresh, and within `staleIfError`. */
  #isUsable({ record }: FoundValue, { staleIfError }: CachePolicy): boolean {
    return record === null || this.#context.now() < record.e + staleIfError * 1000;
  }

  #reportLoad(key: string, { trigger }: Loading, startedAt: number, end: LoadEnd): void {
    const { reporter } = this.#context;
    if (reporter === undefined) return;
    if (trigger === undefined) reporter.load(key, end.outcome, startedAt);
    else reporter.refresh(key, { trigger, keys: 1, ...end }, startedAt);
  }
}

/** How a load ended. */
type LoadEnd = Pick<CacheRefreshEvent, 'outcome' | 'error'>;

const LATE = Symbol('late');

function isTimeout(error: unknown): boolean {
  return isCloudflareClientError(error, 'LOADER_TIMEOUT');
}
