import type { ExecutionContextLike } from '../internal/execution-context.js';
import type { Container } from '../providers/container.js';
import type { RequestScope } from '../providers/request-scope.js';
import { EntrypointCall, watchMethods } from './entrypoint-call.js';

/** What an RPC entrypoint of {@link scopedEntrypoint} has. */
export declare abstract class ScopedEntrypoint {
  /**
   * The container of this call, opened when it is first looked at. Callers cannot reach it: it is a property of the instance, and these RPC does not
   * expose; being protected it is not in their types either.
   */
  protected readonly container: RequestScope;
}

/** A class that is built with the context and the env of a call: `WorkerEntrypoint`. */
// Only of a class whose parameters are `any` does TypeScript keep the type parameters when it is mixed into another.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type EntrypointClass = abstract new (...args: any[]) => object;

/**
 * A base class for RPC entrypoints, whose methods find the container of their call in `this.container`. The runtime makes an instance for each call.
 *
 * The container is disposed when the method has returned, what `waitUntil` was given is done and the `Response` or stream that it returned is read. A method that
 * returns a function or an `RpcTarget` leaves it open, as these may still use it: let `[Symbol.dispose]` of the target call `container.dispose()`.
 *
 * @param app the composition root, from `createContainer`.
 * @param WorkerEntrypoint the class of that name from `cloudflare:workers`; passed in, so that this module loads anywhere.
 * @returns the class to extend, which takes the type parameters of `WorkerEntrypoint`.
 * @example
 * ```ts
 * import { scopedEntrypoint } from '@codex/cloudflare-clients/workers';
 * import { WorkerEntrypoint } from 'cloudflare:workers';
 *
 * const app = createContainer(provideR2());
 *
 * export class Media extends scopedEntrypoint(app, WorkerEntrypoint)<Env> {
 *   sign(key: string): Promise<string> {
 *     return this.container.resolve(R2Client).getSignedUrl({ bucket: 'codex-media-production', key, expiresIn: 3600 });
 *   }
 * }
 * ```
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
      const call = new EntrypointCall(app, { env, ctx, request: undefined });
      watchMethods(this, Scoped.prototype, call);
      // On the instance, never on a prototype: what is on a prototype can be called over RPC.
      Object.defineProperty(this, 'container', { get: () => call.scope });
    }
  }
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the constructor defines what it says
  return Scoped as unknown as Base & (abstract new (...args: any[]) => ScopedEntrypoint);
}
