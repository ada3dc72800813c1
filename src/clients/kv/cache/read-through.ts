import type { CacheRefreshEvent, CacheStaleEvent } from '../../../events.js';
import { settleWithin } from '../timeout.js';
import type { CacheContext } from './cache-context.js';
import { CallLoader, isTimeout } from './call-loader.js';
import type { Call, ReadThroughParts } from './call.js';
import { isDueEarly } from './early-refresh.js';
import type { EntryFinder, Found, FoundValue } from './entry-finder.js';
import { newFlight } from './flight-board.js';
import type { Flight } from './flight.js';
import { copyOf } from './flight.js';
import { runLoader } from './load.js';
import { Loading } from './loading.js';
import type { Underway } from './underway.js';

/** Reads, and loads what is missing: the rules of `CacheClient.getOrSet`. */
export class ReadThrough {
  readonly #context: CacheContext;
  readonly #finder: EntryFinder;
  readonly #underway: Underway;
  readonly #parts: ReadThroughParts;
  #madeLoader: CallLoader | undefined;

  constructor(parts: ReadThroughParts) {
    this.#context = parts.context;
    this.#finder = parts.finder;
    this.#underway = parts.underway;
    this.#parts = parts;
  }

  /** Answers a call: from what is at hand, with another caller of the same key, or as the first one. */
  get(call: Call): Promise<unknown> {
    const { key, policy } = call;
    if (policy.bypass) return runLoader(call.loader, policy.hardTimeoutMs);
    const { flights } = this.#underway;
    if (policy.forceFresh) {
      // What was begun before is older than what is asked for now.
      const settled = this.#underway.supersede(key);
      const flight = newFlight(this.#context, policy);
      flights.add(key, flight);
      return (flight.leader = this.#leadFresh(flight, call, settled));
    }
    const current = flights.find(key, policy);
    if (current !== undefined) return this.#join(current, call);
    const near = this.#finder.findNear(key, policy);
    if (near !== undefined) return this.#serveNear(call, near);
    const flight = newFlight(this.#context, policy);
    flights.add(key, flight);
    return (flight.leader = this.#lead(flight, call));
  }

  /** Waits for another caller's value, or its error, and makes an object of its own. */
  async #join(flight: Flight, { key, policy }: Call): Promise<unknown> {
    flight.joiners += 1;
    const value = await flight.leader;
    const { text, format, snapshot } = flight;
    if (text === undefined) return snapshot === undefined ? value : copyOf(snapshot.value);
    if (policy.codec === undefined && policy.schema === undefined) return JSON.parse(text);
    const decoded = await this.#finder.decode(key, { text, format }, policy);
    return typeof decoded === 'string' ? copyOf(value) : decoded.value;
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
      const value = await this.#load(flight, call, undefined);
      flight.keepSnapshot(value);
      return value;
    } finally {
      this.#underway.flights.remove(call.key, flight);
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
      const value: unknown = served instanceof Promise ? await served : served;
      flight.keepSnapshot(value);
      return value;
    } finally {
      this.#underway.flights.remove(call.key, flight);
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
    if (found.status === 'stale') return this.#serveStale(flight, call, found);
    flight.text = found.text;
    flight.format = found.record?.f ?? '';
    reporter?.hit(key, found, startedAt);
    if (hasBackground && isDueEarly(found.record, policy.earlyRefresh, this.#context)) this.#refresh(call, 'early');
    return found.value;
  }

  /** A value past its TTL: it is served while a refresh runs, or when the load is slow or fails, or not at all. */
  async #serveStale(flight: Flight, call: Call, found: FoundValue): Promise<unknown> {
    const { key, policy } = call;
    const { hasBackground, isolate, now, reporter } = this.#context;
    const canRevalidate = hasBackground && found.staleMs < policy.staleWhileRevalidate * 1000;
    if (canRevalidate && !this.#finder.isDropped(key, flight)) {
      this.#refresh(call, 'stale');
      return this.#serve(flight, call, found, 'revalidate');
    }
    if (isolate.gate.isBackingOff(key, now()) && this.#finder.isUsable(key, flight, found.record)) {
      return this.#serve(flight, call, found, 'error');
    }
    reporter?.miss(key, 'expired', now());
    return this.#load(flight, call, found);
  }

  /** Loads; falls back on what was found, within its bounds. */
  async #load(flight: Flight, call: Call, found: FoundValue | undefined): Promise<unknown> {
    const { key, policy } = call;
    const { gate } = this.#context.isolate;
    const refreshing = policy.forceFresh ? undefined : this.#underway.refreshes.find(key, policy);
    const loading = new Loading();
    const loader = newFlight(this.#context, policy);
    const load = refreshing === undefined ? this.#loader.load(loader, call, loading) : this.#join(refreshing, call);
    // What parts with the load parts with who waits for it.
    flight.load = refreshing ?? loader;
    try {
      const value = await this.#withSoftTimeout(key, flight, load, found);
      if (value !== LATE) {
        flight.text = loader.text;
        flight.format = loader.format;
        return value;
      }
    } catch (error) {
      if (found === undefined || !this.#finder.isUsable(key, flight, found.record)) throw error;
      gate.fail(key, this.#context.now() + policy.refreshBackoffSeconds * 1000);
      return this.#serve(flight, call, found, isTimeout(error) ? 'timeout' : 'error');
    }
    // The caller leaves; the load goes on as a refresh, which the next callers join.
    loading.trigger = 'slow';
    if (refreshing === undefined) this.#adopt(call, loader, load, loading);
    return this.#serve(flight, call, found as FoundValue, 'timeout');
  }

  async #withSoftTimeout(
    key: string,
    flight: Flight,
    load: Promise<unknown>,
    found: FoundValue | undefined,
  ): Promise<unknown> {
    const { softTimeoutMs } = flight.policy;
    const canLeave = softTimeoutMs !== undefined && found !== undefined && this.#context.hasBackground;
    if (!canLeave || !this.#finder.isUsable(key, flight, found.record)) return load;
    const answer = await settleWithin(load, softTimeoutMs);
    // It may have gone out of its bounds in the meantime; then there is nothing to leave with.
    if (answer === 'late') return this.#finder.isUsable(key, flight, found.record) ? LATE : load;
    return answer.value;
  }

  /** Lets a load go on in the background, where callers who need the value join it. */
  #adopt({ key, policy }: Call, flight: Flight, load: Promise<unknown>, loading: Loading): void {
    const { refreshes } = this.#underway;
    const { gate } = this.#context.isolate;
    const until = (): number => this.#context.now() + policy.refreshBackoffSeconds * 1000;
    flight.leader = load;
    flight.isDown = flight.isSuperseded;
    if (!flight.isDown) refreshes.add(key, flight);
    const settled = load
      .then(
        async (value) => {
          flight.keepSnapshot(value);
          if (await loading.stored) gate.succeed(key);
          else gate.rest(key, until());
        },
        () => gate.fail(key, until()),
      )
      .then(() => refreshes.remove(key, flight));
    this.#context.hold(settled);
  }

  /** Starts a refresh in the background, unless one is under way in this isolate or backs off. */
  #refresh(call: Call, trigger: CacheRefreshEvent['trigger']): void {
    const { key, policy } = call;
    const { isolate, now } = this.#context;
    if (this.#underway.refreshes.has(key) || !isolate.gate.tryBegin(key, now())) return;
    const flight = newFlight(this.#context, policy);
    const loading = new Loading(trigger);
    this.#adopt(call, flight, this.#loader.load(flight, call, loading), loading);
  }

  #serve(flight: Flight, { key }: Call, found: FoundValue, reason: CacheStaleEvent['reason']): unknown {
    flight.text = found.text;
    flight.format = found.record?.f ?? '';
    const { reporter, now } = this.#context;
    reporter?.stale(key, { ...found, staleMs: Math.max(0, now() - (found.record?.e ?? 0)) }, reason);
    return found.value;
  }

  /** Made when something is loaded first: a request that hits has no use for it. */
  get #loader(): CallLoader {
    return (this.#madeLoader ??= new CallLoader(this.#parts));
  }
}

const LATE = Symbol('late');
