import type { ExecutionContextLike } from '../internal/execution-context.js';

/** The work of an invocation that goes on after its handler: what was given to `waitUntil`. */
export interface BackgroundWork {
  /** Keeps the invocation alive for a promise that is not itself waited for. */
  keepAlive(promise: Promise<unknown>): void;
  /** Settles when nothing is under way any more, whatever became of it. */
  drained(): Promise<void>;
}

const WORK = Symbol('backgroundWork');

type TrackedContext = ExecutionContextLike & { [WORK]?: BackgroundWork };

/**
 * Watches what is given to `ctx.waitUntil` from now on, by whomever: the handler, the clients of a scope, a framework. The context stays the object
 * that it was, as frameworks and `EXECUTION_CONTEXT` hand it on; its `waitUntil` counts and then does what it did.
 *
 * @param ctx the execution context of an invocation; watching it twice is watching it once.
 * @returns its background work; where the context cannot be changed, only what it is asked to keep alive.
 */
export function watchBackgroundWork(ctx: ExecutionContextLike): BackgroundWork {
  const tracked = ctx as TrackedContext;
  return tracked[WORK] ?? watch(tracked);
}

function watch(ctx: TrackedContext): BackgroundWork {
  const work = new WatchedWork(ctx);
  const add: ExecutionContextLike['waitUntil'] = (promise) => work.add(promise);
  // A context can be frozen, or have a `waitUntil` that cannot be set: no request fails of that.
  if (Object.isExtensible(ctx) && Reflect.set(ctx, 'waitUntil', add)) ctx[WORK] = work;
  return work;
}

class WatchedWork implements BackgroundWork {
  readonly #ctx: ExecutionContextLike;
  readonly #waitUntil: ExecutionContextLike['waitUntil'];
  // Most requests have none.
  #underWay: Set<Promise<unknown>> | undefined;

  constructor(ctx: ExecutionContextLike) {
    this.#ctx = ctx;
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its context; binding costs more than all the rest
    this.#waitUntil = ctx.waitUntil;
  }

  keepAlive(promise: Promise<unknown>): void {
    this.#waitUntil.call(this.#ctx, promise);
  }

  add(promise: Promise<unknown>): void {
    this.keepAlive(promise);
    const underWay = (this.#underWay ??= new Set());
    const settled = (): unknown => underWay.delete(promise);
    underWay.add(promise);
    Promise.resolve(promise).then(settled, settled);
  }

  async drained(): Promise<void> {
    while (this.#underWay !== undefined && this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }
}
