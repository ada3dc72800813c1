import { settleWithin } from '../timeout.js';
import type { EncodedValue } from './cache-codec.js';

/** Workers end background work after 30 s; a load that is older has lost its request and will never settle. */
const MAX_LOAD_MS = 30_000;

/** A load that other requests can wait for. */
export interface SharedLoad {
  /** What was loaded, as text; `undefined` when it failed or has no text. Never rejects. May never settle. */
  readonly encoded: Promise<EncodedValue | undefined>;
  readonly startedAt: number;
  /** The same, in the order of invalidations. */
  readonly createdAt: number;
  /** How many invalidations the isolate had seen when it began; a later caller must not get what was loaded before one. */
  readonly invalidations: number;
}

/**
 * The loads of one namespace that the requests of an isolate share. What passes from one request to another is text: no
 * object, no error. A request that waits has a timer of its own, because the promise of another can be dropped by the runtime.
 */
export class SharedLoads {
  readonly #loads = new Map<string, SharedLoad>();

  /** How many there are. */
  get size(): number {
    return this.#loads.size;
  }

  /** The load of `key` that another request leads. */
  find(key: string, now: number, invalidations: number): SharedLoad | undefined {
    const load = this.#loads.get(key);
    if (load === undefined) return undefined;
    if (!isLost(load, now)) return load.invalidations === invalidations ? load : undefined;
    this.#loads.delete(key);
    return undefined;
  }

  /** Offers a load to other requests. Its creator keeps it alive with `waitUntil`, and releases it. */
  offer(key: string, load: SharedLoad): void {
    this.#dropLost(load.startedAt);
    this.#loads.set(key, load);
  }

  /** Takes back a load that is over, unless another has taken its place. */
  release(key: string, load: SharedLoad): void {
    if (this.#loads.get(key) === load) this.#loads.delete(key);
  }

  /** Parts with the load of a key that changes now. */
  drop(key: string): void {
    this.#loads.delete(key);
  }

  /** Waits for another request's load, at most `timeoutMs`; then it is taken for lost. */
  async join(key: string, load: SharedLoad, timeoutMs: number): Promise<EncodedValue | undefined> {
    const answer = await settleWithin(load.encoded, timeoutMs);
    if (answer === 'late') this.release(key, load);
    return answer === 'late' ? undefined : answer.value;
  }

  #dropLost(now: number): void {
    // Oldest first, as they were offered.
    for (const [key, load] of this.#loads) {
      if (!isLost(load, now)) return;
      this.#loads.delete(key);
    }
  }
}

function isLost({ startedAt }: SharedLoad, now: number): boolean {
  return now - startedAt > MAX_LOAD_MS || now < startedAt - MAX_LOAD_MS;
}
