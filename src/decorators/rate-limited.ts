import { enforceLimit } from '../clients/rate-limit/enforce-limit.js';
import type { Limiter } from '../clients/rate-limit/enforce-limit.js';
import { checkConfig, checkConfigs, joinKey } from '../clients/rate-limit/rate-limit-config.js';
import type {
  RateLimitAttemptConfig,
  RateLimitConfig,
  RateLimitRuleConfig,
  RateLimitsConfig,
} from '../clients/rate-limit/rate-limit-config.js';
import { RATE_LIMITER_CLIENT } from '../tokens/index.js';
import { askBoolean, checkFunction, checkInstance, requireFunction } from './decorator-options.js';
import type { Call, InstanceFunction } from './decorator-options.js';
import { findClient } from './find-client.js';
import type { ClientAccessor, ClientKind } from './find-client.js';
import { methodDecorator } from './method-decorator.js';
import type { AsyncMethodDecorator, DecoratedMethod } from './method-decorator.js';

const LIMITER: ClientKind<Limiter> = {
  code: 'LIMITER_NOT_FOUND',
  noun: 'rate limiter',
  className: 'RateLimiterClient',
  provider: 'provideRateLimiter',
  token: RATE_LIMITER_CLIENT,
  property: 'limiter',
  method: 'checkLimit',
};

/** How a call of a limited method is an attempt. `This` and `Args` are inferred from the decorated method. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see AsyncMethod
export interface LimitedCallOptions<This, Args extends any[]> extends Pick<
  RateLimitAttemptConfig,
  'keyPrefix' | 'countRejected'
> {
  /** Who attempts, from the arguments of the call; `this` is the instance. Not empty, with `keyPrefix` at most 512 UTF-8 bytes. */
  readonly key: NoInfer<(this: This, ...args: Args) => string>;
  /**
   * Units that a call takes, or what says them from the arguments; an integer from 1 to the limit.
   * @default 1
   */
  readonly cost?: number | NoInfer<(this: This, ...args: Args) => number>;
  /**
   * Names the attempt, so that a call that is made again counts once: the id of a message, say. See `checkLimit`.
   * @default every call is an attempt of its own
   */
  readonly requestId?: NoInfer<(this: This, ...args: Args) => string>;
  /**
   * Whether the limit has a part in a call. With `false` the method runs, and the limiter is not even looked for.
   * @default always
   */
  readonly when?: NoInfer<(this: This, ...args: Args) => boolean>;
  /**
   * Where the limiter is. May read private members.
   * @default `this.limiter`, else the `RATE_LIMITER_CLIENT` of the request scope that built the instance
   */
  readonly limiter?: NoInfer<(self: This) => Limiter | undefined>;
}

/** Options of {@link RateLimited}: one rule, or several as `rules`, and how a call is an attempt. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see AsyncMethod
export type RateLimitedOptions<This, Args extends any[]> = LimitedCallOptions<This, Args> &
  (RateLimitRuleConfig | Pick<RateLimitsConfig, 'rules'>);

/**
 * Limits the calls of an async method: each is an attempt, and one that is refused rejects with `RateLimitExceeded`; the method has not run then.
 * A call whose method fails has been counted all the same.
 *
 * With `@Cached` the order says what is limited. `@Cached` above `@RateLimited`: hits are free and only loads count, one for all callers that share
 * it; with `staleIfError` a load that is refused is answered with the stale value. `@RateLimited` above `@Cached`: every call counts, also what
 * the cache answers, but not `cached(service).method.refresh()`.
 *
 * @param options the rule and how a call is an attempt.
 * @returns the decorator, legacy and TC39 in one, for instance methods.
 * @throws {CloudflareClientError} at class definition: `INVALID_OPTION`, `INVALID_KEY`, and `INVALID_DECORATION` where it does not sit on an instance
 *   method. A call rejects before the method runs: with `RateLimitExceeded` (`RATE_LIMITED`), with `LIMITER_NOT_FOUND` when the instance has no limiter, with
 *   `INVALID_OPTION` and `INVALID_KEY` when a function gives what `checkLimit` refuses, with `INVALID_ARGUMENT` when `when` gives no boolean, and with
 *   what a function throws.
 * @example
 * ```ts
 * @Injectable(RATE_LIMITER_CLIENT, DATABASE)
 * class ContentService {
 *   constructor(readonly limiter: RateLimiterClient, readonly database: Database) {}
 *
 *   @RateLimited({ limit: 20, window: 60, keyPrefix: 'rl:search:', key: (userId) => userId })
 *   async search(userId: string, category: string): Promise<Content[]> {
 *     return this.database.list(category);
 *   }
 * }
 * ```
 */
// `any` as default keeps a stored decorator reusable.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function RateLimited<This = any, Args extends any[] = any[]>(
  options: RateLimitedOptions<This, Args>,
): AsyncMethodDecorator<This, Args> {
  const plan = planLimit(options);
  return methodDecorator('@RateLimited', (decorated) => limitedMethod(decorated, plan));
}

interface LimitPlan {
  /** What does not depend on the call. */
  readonly config: RateLimitConfig | RateLimitsConfig;
  readonly key: InstanceFunction;
  readonly cost: InstanceFunction | undefined;
  readonly requestId: InstanceFunction | undefined;
  readonly when: InstanceFunction | undefined;
  readonly limiter: ClientAccessor<Limiter> | undefined;
}

function planLimit(options: unknown): LimitPlan {
  const { key, cost, requestId, when, limiter, ...rule } = (options ?? {}) as Record<string, unknown>;
  const isFixed = typeof cost !== 'function';
  const config = { ...rule, ...(isFixed && { cost }) } as unknown as RateLimitConfig | RateLimitsConfig;
  if ('rules' in config) checkConfigs(config);
  else checkConfig(config);
  // Whoever it is: what is wrong with the prefix alone is known now.
  joinKey('-', config.keyPrefix);
  return {
    config,
    key: requireFunction('@RateLimited', 'key', key, 'Say who attempts: key: (userId) => userId'),
    cost: isFixed ? undefined : (cost as InstanceFunction),
    requestId: checkFunction('@RateLimited', 'requestId', requestId),
    when: checkFunction('@RateLimited', 'when', when),
    limiter: checkFunction('@RateLimited', 'limiter', limiter) as ClientAccessor<Limiter> | undefined,
  };
}

function limitedMethod(decorated: DecoratedMethod, plan: LimitPlan): DecoratedMethod['method'] {
  return async function (this: unknown, ...args: unknown[]): Promise<unknown> {
    const instance = checkInstance(this, decorated, LIMITER.code);
    const isLimited = plan.when === undefined || askBoolean('when', plan.when, decorated, { instance, args });
    if (isLimited) {
      const limiter = findClient(LIMITER, instance, decorated, plan.limiter);
      // What is no string the limiter refuses.
      await enforceLimit(limiter, plan.key.apply(instance, args) as string, configOf(plan, { instance, args }));
    }
    return decorated.method.apply(instance, args);
  };
}

function configOf(
  { config, cost, requestId }: LimitPlan,
  { instance, args }: Call,
): RateLimitConfig | RateLimitsConfig {
  if (cost === undefined && requestId === undefined) return config;
  return {
    ...config,
    ...(cost !== undefined && { cost: cost.apply(instance, args) as number }),
    ...(requestId !== undefined && { requestId: requestId.apply(instance, args) as string }),
  };
}
