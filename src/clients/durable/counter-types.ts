import type { CloudflareClientError } from '../../errors.js';
import type { EventSink } from '../../events.js';

/** Options of `CounterClient`. */
export interface CounterClientOptions<Shards extends number = number> {
  /**
   * Over how many objects each counter is spread, an integer from 1 to 128, the same for every client of a counter. One object takes some 200 to
   * 500 writes per second (https://developers.cloudflare.com/durable-objects/platform/limits/); more than one costs the exact value.
   *
   * @default 1
   */
  readonly shards?: Shards | undefined;
  /** Where replays and failures are reported. Without it nothing is built or sent. */
  readonly events?: EventSink | undefined;
  /**
   * The clock, in milliseconds since the epoch. Only differences are used.
   *
   * @default Date.now
   */
  readonly now?: (() => number) | undefined;
  /**
   * Makes the ids by which objects know an operation again.
   *
   * @default crypto.randomUUID
   */
  readonly newId?: (() => string) | undefined;
  /**
   * A number from 0 to below 1: for the choice of a shard and the jitter between attempts.
   *
   * @default Math.random
   */
  readonly random?: (() => number) | undefined;
  /**
   * Waits for so many milliseconds; for tests.
   *
   * @default a timer
   */
  readonly delay?: ((ms: number) => Promise<void>) | undefined;
  /**
   * Milliseconds after which a call of an object, with all its attempts, is given up, above 0 and at most 2,147,483,647.
   *
   * @default 10_000
   */
  readonly timeoutMs?: number | undefined;
  /** Where new objects are to be made, such as `weur`; the platform places them near the first caller otherwise. */
  readonly locationHint?: string | undefined;
}

/** How a counter is to be changed. */
export interface CounterChange {
  /**
   * By how much, a safe integer other than 0.
   *
   * @default 1
   */
  readonly by?: number | undefined;
  /** The least value that may come of it: below it nothing is changed and `applied` is `false`. Not with `shards`. */
  readonly floor?: number | undefined;
  /** The greatest value that may come of it: above it nothing is changed and `applied` is `false`. Not with `shards`. */
  readonly max?: number | undefined;
  /**
   * Names the change, 1 to 512 bytes: made again with the same key it is answered as the first time, and not made again. A change that was not
   * applied is not remembered.
   */
  readonly idempotencyKey?: string | undefined;
  /**
   * Seconds that the key is remembered, an integer from 60 to 2,592,000 (30 days).
   *
   * @default 86_400
   */
  readonly idempotencyTtlSeconds?: number | undefined;
}

/** The value of a counter. */
export interface CounterValue {
  /** 0 for a counter that does not exist. */
  readonly value: number;
  /**
   * Whether it is a sum over shards that were read one beside the other: it holds every change that was answered before the read began, and may or
   * may not hold those that were under way.
   */
  readonly approximate: boolean;
}

/** What became of a change. */
export interface CounterResult<Shards extends number = 1> {
  /**
   * The value after it, exact; of a change that was not applied, the value that forbade it. `null` for a counter with `shards`, of which no
   * object knows the sum: ask `get`.
   */
  readonly value: Shards extends 1 ? number : number | null;
  /** Whether it was made, now or, where `replayed`, before. */
  readonly applied: boolean;
  /** Whether `value` is not the whole counter's: always so with `shards`, and where another client spreads the same counter. */
  readonly approximate: boolean;
  /** Whether it was made before under the same idempotency key; `value` is of then. */
  readonly replayed: boolean;
}

/** One of the changes of `incrementMany`. */
export interface CounterItem extends CounterChange {
  /** The counter. */
  readonly name: string;
}

/** What became of one of the changes of `incrementMany`. */
export type CounterItemResult<Shards extends number = 1> =
  | ({ readonly name: string; readonly status: 'done' } & CounterResult<Shards>)
  | {
      readonly name: string;
      readonly status: 'failed';
      /** As `increment` would have thrown it. */
      readonly error: CloudflareClientError;
    };

/** What work done once is given. */
export interface OnceRun {
  /** Aborted when the caller's own signal is, or when the lease is lost: another may then be doing the same. */
  readonly signal: AbortSignal;
  /** Greater than that of every earlier run under this key: what the work writes to can refuse a smaller one. */
  readonly fence: number;
}

/** Options of `CounterClient.once`. */
export interface OnceOptions {
  /**
   * Seconds that the result is kept, an integer from 1 to 2,592,000 (30 days).
   *
   * @default 86_400
   */
  readonly ttlSeconds?: number | undefined;
  /**
   * Milliseconds after which a runner that is not heard of is replaced, an integer from 1,000 to 3,600,000. Renewed while the work goes on.
   *
   * @default 30_000
   */
  readonly leaseMs?: number | undefined;
  /**
   * Milliseconds to wait for another runner, from 0 to 2,147,483,647. The work itself is not cut.
   *
   * @default 30_000
   */
  readonly timeoutMs?: number | undefined;
  /** Describes what is done, at most 1,024 bytes, such as a hash of the request: the same key with another one is refused. */
  readonly fingerprint?: string | undefined;
  /** Ends the waiting, as soon as the call under way is answered or given up, and aborts the work's signal. */
  readonly signal?: AbortSignal | undefined;
}

/** What came of work done once. */
export interface OnceResult<T> {
  /** What the work returned; replayed, what JSON gives back of it. */
  readonly value: T;
  /** Whether it was done before, or by another caller meanwhile. */
  readonly replayed: boolean;
  /** Whether the result is kept: `false` when it could not be stored, which `events` tells, or when another runner took over. */
  readonly stored: boolean;
}
