import type { LockClient } from '../clients/durable/lock-client.js';
import { resolveLockOptions, resolveWaitMs } from '../clients/durable/lock-options.js';
import type { AcquireLockOptions } from '../clients/durable/lock-options.js';
import { LOCK_CLIENT } from '../tokens/index.js';
import { askBoolean, checkFunction, checkInstance, requireFunction } from './decorator-options.js';
import type { InstanceFunction } from './decorator-options.js';
import { findClient } from './find-client.js';
import type { ClientAccessor, ClientKind } from './find-client.js';
import { methodDecorator } from './method-decorator.js';
import type { AsyncMethodDecorator, DecoratedMethod } from './method-decorator.js';

/** What has locks: a `LockClient`, or a double of one. */
export type Locks = Pick<LockClient, 'run'>;

const LOCKS: ClientKind<Locks> = {
  code: 'LOCKS_NOT_FOUND',
  noun: 'locks',
  className: 'LockClient',
  provider: 'provideLocks',
  token: LOCK_CLIENT,
  property: 'locks',
  method: 'run',
};

/** Options of {@link Locked}. `This` and `Args` are inferred from the decorated method. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see AsyncMethod
export interface LockedOptions<This, Args extends any[]> extends Omit<AcquireLockOptions, 'signal'> {
  /**
   * The name of the lock, from the arguments of the call; `this` is the instance. 1 to 512 bytes in UTF-8, such as `publish:42`. Locks have no
   * class in their name: what another method names alike is the same lock.
   */
  readonly name: NoInfer<(this: This, ...args: Args) => string>;
  /**
   * Whether the lock has a part in a call. With `false` the method runs, and the locks are not even looked for.
   * @default always
   */
  readonly when?: NoInfer<(this: This, ...args: Args) => boolean>;
  /**
   * Where the locks are. May read private members.
   * @default `this.locks`, else the `LOCK_CLIENT` of the request scope that built the instance
   */
  readonly locks?: NoInfer<(self: This) => Locks | undefined>;
}

/**
 * Runs an async method while a lock is held: `locks.run(name, options, method)`. Calls that name one lock run one after the other, wherever they are; one that
 * does not have it within `timeoutMs` rejects with `LOCK_TIMEOUT`, and the method has not run. The lease is renewed while the method runs; what comes of
 * the method is what the caller gets.
 *
 * The method is not told when the lease is lost, for its signature is its own. Where that matters call `locks.run`, which hands out signal and fence. A
 * method that calls one with the same lock waits for itself, up to the time-out.
 *
 * With `@Cached` the order says what is locked. `@Locked` above `@Cached`: calls wait for one another and all but the first find a hit, so that
 * one load serves all isolates; every call pays for the lock. `@Cached` above `@Locked`: hits are free, and isolates that miss at once load one after another.
 *
 * @param options the name of the lock and how it is waited for and held.
 * @returns the decorator, legacy and TC39 in one, for instance methods.
 * @throws {CloudflareClientError} at class definition: `INVALID_OPTION`, and `INVALID_DECORATION` where it does not sit on an instance method. A call rejects
 *   before the method runs: with `LOCK_TIMEOUT`, with `LOCKS_NOT_FOUND` when the instance has no locks, with `INVALID_OPTION` when `name` gives no name, with
 *   `INVALID_ARGUMENT` when `when` gives no boolean, with `OBJECT_FAILED`, `OBJECT_OVERLOADED`, `OBJECT_TIMEOUT`, and with what a function throws.
 * @example
 * ```ts
 * @Injectable(LOCK_CLIENT, DATABASE)
 * class ContentService {
 *   constructor(readonly locks: LockClient, readonly database: Database) {}
 *
 *   @Locked({ name: (id) => `publish:${id}`, ttlMs: 10_000, timeoutMs: 5_000 })
 *   async publish(id: string): Promise<Content | null> {
 *     return this.database.get(id);
 *   }
 * }
 * ```
 */
// `any` as default keeps a stored decorator reusable.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function Locked<This = any, Args extends any[] = any[]>(
  options: LockedOptions<This, Args>,
): AsyncMethodDecorator<This, Args> {
  const plan = planLock(options);
  return methodDecorator('@Locked', (decorated) => lockedMethod(decorated, plan));
}

interface LockPlan {
  readonly name: InstanceFunction;
  readonly options: AcquireLockOptions;
  readonly when: InstanceFunction | undefined;
  readonly locks: ClientAccessor<Locks> | undefined;
}

function planLock(given: unknown): LockPlan {
  const { name, when, locks, ...rest } = (given ?? {}) as Record<string, unknown>;
  const options = rest as unknown as AcquireLockOptions;
  resolveLockOptions(options, true);
  resolveWaitMs(options.timeoutMs);
  return {
    name: requireFunction('@Locked', 'name', name, 'Name the lock: name: (id) => `publish:${id}`'),
    options,
    when: checkFunction('@Locked', 'when', when),
    locks: checkFunction('@Locked', 'locks', locks) as ClientAccessor<Locks> | undefined,
  };
}

function lockedMethod(decorated: DecoratedMethod, plan: LockPlan): DecoratedMethod['method'] {
  return async function (this: unknown, ...args: unknown[]): Promise<unknown> {
    const instance = checkInstance(this, decorated, LOCKS.code);
    const run = () => decorated.method.apply(instance, args);
    if (plan.when !== undefined && !askBoolean('when', plan.when, decorated, { instance, args })) return run();
    const locks = findClient(LOCKS, instance, decorated, plan.locks);
    // What is no string the client refuses.
    return locks.run(plan.name.apply(instance, args) as string, plan.options, run);
  };
}
