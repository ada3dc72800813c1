import type { EventSink } from '../../events.js';
import type { ExecutionContextLike } from '../../internal/execution-context.js';
import type { OperationBudget } from '../kv/operation-budget.js';
import type { RateLimitBindingRule } from './binding-rate-limit-store.js';
import type { BlockCacheOptions, LeaseOptions } from './object-rate-limit-store.js';
import type { RateLimitStore } from './rate-limit-store.js';

/** Options of `RateLimiterClient`. */
export interface RateLimiterClientOptions {
  /** Where decisions and failures are reported. Without it nothing is built or sent. */
  readonly events?: EventSink | undefined;
  /**
   * How many KV operations may be made, shared with the other clients of the request.
   *
   * @default none with `new`; 1,000 per request scope
   */
  readonly budget?: OperationBudget | undefined;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: (() => number) | undefined;
  /**
   * Milliseconds after which an unanswered store is given up, above 0 and at most 2,147,483,647. Over KV it is that of one operation.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number | undefined;
  /** `ctx.waitUntil`, bound: over KV counts are then written after the response, and none of the last second is lost. */
  readonly waitUntil?: ExecutionContextLike['waitUntil'] | undefined;
  /**
   * Waits for so many milliseconds; for tests.
   *
   * @default a timer
   */
  readonly delay?: ((ms: number) => Promise<void>) | undefined;
  /**
   * What decides when the store fails or does not answer in time: `'open'` lets calls through, `'closed'` refuses them, a store decides by its own
   * count. An overloaded object never opens the door, as who overloads it is who should be limited: with `'open'` its calls are refused.
   *
   * @default the memory of this isolate, so that each isolate holds the limit by itself
   */
  readonly onStoreError?: 'open' | 'closed' | RateLimitStore | undefined;
  /**
   * Decides, counts and reports, and lets every call through: for trying a rule out on real traffic.
   *
   * @default false
   */
  readonly shadow?: boolean | undefined;
  /**
   * Over Durable Objects: how long a refused identifier is refused from the isolate's memory before the object is asked again; `false`: never.
   *
   * @default { maxBlockMs: 30_000 }
   */
  readonly blockCache?: BlockCacheOptions | false | undefined;
  /**
   * Over Durable Objects: takes units ahead, so that most attempts of a hot key are decided in the isolate without a call.
   *
   * @default none
   */
  readonly lease?: LeaseOptions | undefined;
  /**
   * Over Durable Objects: where new objects are made, such as `weur`.
   *
   * @default near the first caller
   */
  readonly locationHint?: string | undefined;
  /**
   * Over a rate-limit binding: what wrangler.jsonc says of it, so that a rule that differs is refused and not decided by another limit.
   *
   * @default the first rule that an isolate asks about, with a window of 10 or 60; every other is refused
   */
  readonly bindingRule?: RateLimitBindingRule | undefined;
  /**
   * Makes the id of an operation, the same for all tries of it; for tests.
   *
   * @default crypto.randomUUID
   */
  readonly operationId?: (() => string) | undefined;
}
