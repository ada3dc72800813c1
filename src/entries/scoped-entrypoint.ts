import type { ExecutionContextLike } from '../internal/execution-context.js';
import type { Container } from '../providers/container.js';
import type { RequestScope } from '../providers/request-scope.js';

/** What an RPC entrypoint of {@link scopedEntrypoint} has. */
export declare abstract class ScopedEntrypoint {
  /**
   * The container of this call, opened when it is first looked at. Callers cannot reach it: it is a property of the instance, and these RPC does not
   * expose; being protected it is not in their types either.
   */
  protected readonly container: RequestScope;
}

/** A class that is built with the context and the env of a call: `WorkerEntrypoint`. */
// Only a class whose parameters are `any` has its own type parameters kept by TypeScript when it is mixed into another.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type EntrypointClass = abstract new (...args: any[]) => object;

/**
 * A base class for RPC entrypoints, whose methods find the container of their call in `this.container`. The runtime makes an instance for each call.
 *
 * @param app the composition root, from `createContainer`.
 * @param WorkerEntrypoint the class of that name from `cloudflare:workers`; passed in, so that this module loads anywhere.
 * @returns the class to extend: `class Media extends scopedEntrypoint(app, WorkerEntrypoint)<Env> {}`.
 */
export function scopedEntrypoint<Base extends EntrypointClass>(
  app: Container,
  WorkerEntrypoint: Base,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
): Base & (abstract new (...args: any[]) => ScopedEntrypoint) {
  abstract class Scoped extends WorkerEntrypoint {
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    constructor(...args: any[]) {
      super(...(args as unknown[]));
      const [ctx, env] = args as [ExecutionContextLike, object];
      let scope: RequestScope | undefined;
      // On the instance, never on the prototype: what is on a prototype can be called over RPC.
      Object.defineProperty(this, 'container', { get: () => (scope ??= app.scope({ env, ctx })) });
    }
  }
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the property is defined by the constructor
  return Scoped as unknown as Base & (abstract new (...args: any[]) => ScopedEntrypoint);
}
