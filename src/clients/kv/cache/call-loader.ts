import type { CacheRefreshEvent } from '../../../events.js';
import { isCloudflareClientError } from '../../../errors.js';
import type { CacheContext } from './cache-context.js';
import type { Call, ReadThroughParts } from './call.js';
import type { EntryFinder } from './entry-finder.js';
import type { EntryWriter } from './entry-writer.js';
import type { Flight } from './flight.js';
import { runLoader } from './load.js';
import type { Loading } from './loading.js';
import type { Underway } from './underway.js';

/** Runs the loaders of calls, shares their loads with other requests, and stores what they give. */
export class CallLoader {
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

  /** Loads as the first of the isolate, or waits for the one that does, where the policy says so. */
  async load(flight: Flight, call: Call, loading: Loading): Promise<unknown> {
    const { key, policy } = call;
    const { hasBackground, isolate, now } = this.#context;
    if (policy.singleFlight === 'request' || !hasBackground) return this.#loadAndKeep(flight, call, loading);
    const startedAt = now();
    const invalidations = isolate.marks.count;
    const other = policy.forceFresh ? undefined : isolate.loads.find(key, startedAt, invalidations);
    if (other !== undefined) {
      // A caller who gives its own loader less time waits no longer for another's.
      const timeoutMs = Math.min(policy.joinTimeoutMs, policy.hardTimeoutMs ?? policy.joinTimeoutMs);
      const encoded = await isolate.loads.join(key, other, timeoutMs);
      // Another isolate may have invalidated it, which this caller has read and the one that loads has not.
      const record = { v: 1, c: other.createdAt, e: other.createdAt } as const;
      const isLost = encoded === undefined || this.#finder.isInvalid(record, policy);
      const joined = isLost ? 'corrupt' : await this.#finder.decode(key, encoded, policy);
      if (typeof joined === 'string') return this.#loadAndKeep(flight, call, loading);
      flight.text = encoded?.text;
      flight.format = encoded?.format ?? '';
      this.#reportLoad(key, loading, startedAt, { outcome: 'joined' });
      return joined.value;
    }
    const createdAt = isolate.order.load(startedAt);
    const shared = { encoded: loading.encoded, startedAt, createdAt, invalidations };
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
    const { hasBackground, isolate, now } = this.#context;
    const startedAt = now();
    const createdAt = isolate.order.load(startedAt);
    let written: Promise<unknown> | undefined;
    this.#underway.enter(key, flight);
    try {
      const value = await this.#run(call, loading, startedAt);
      const loaded = { key, value, ttl, policy, startedAt, createdAt };
      const entry = await this.#writer.prepare(flight, loaded);
      loading.settle(entry?.encoded);
      const keeping = this.#writer.keep(flight, loaded, entry);
      loading.stored = keeping.then((failure) => failure === undefined);
      written = keeping;
      if (policy.awaitWrites || !hasBackground) await written;
      return value;
    } finally {
      this.#underway.leaveAfter(key, flight, written);
    }
  }

  async #run({ key, loader, policy }: Call, loading: Loading, startedAt: number): Promise<unknown> {
    try {
      const value = await runLoader(loader, policy.hardTimeoutMs);
      this.#reportLoad(key, loading, startedAt, { outcome: 'value' });
      return value;
    } catch (error) {
      this.#reportLoad(key, loading, startedAt, { outcome: isTimeout(error) ? 'timeout' : 'error', error });
      throw error;
    }
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

/** Whether a load was given up at its hard timeout. */
export function isTimeout(error: unknown): boolean {
  return isCloudflareClientError(error, 'LOADER_TIMEOUT');
}
