import type { ExecutionContextLike } from '../internal/execution-context.js';
import type { Container } from '../providers/container.js';
import type { RequestScope } from '../providers/request-scope.js';
import { endScope } from './scope-end.js';
import type { EntrypointClass } from './scoped-entrypoint.js';

/** What a Durable Object of {@link scopedObject} has. */
export declare abstract class ScopedObject {
  /**
   * Runs work with a container that is opened for it and disposed after it. An object outlives its calls, so that it has no container of its own: one
   * scope for all would hand what one caller left in it to the next. Callers cannot reach it over RPC.
   */
  protected readonly inScope: <Result>(work: (container: RequestScope) => Result | Promise<Result>) => Promise<Result>;
}

/**
 * A base class for Durable Objects, whose methods get a container per call by `this.inScope((container) => ...)`.
 *
 * @param app the composition root, from `createContainer`.
 * @param DurableObject the class of that name from `cloudflare:workers`; passed in, so that this module loads anywhere.
 * @returns the class to extend, which takes the type parameters of `DurableObject`.
 * @example
 * ```ts
 * import { scopedObject } from '@codex/cloudflare-clients/workers';
 * import { DurableObject } from 'cloudflare:workers';
 *
 * const app = createContainer(provideCache());
 *
 * export class Draft extends scopedObject(app, DurableObject)<Env> {
 *   publish(id: string): Promise<void> {
 *     return this.inScope((container) => container.resolve(CacheClient).delete(`cache:content:${id}`));
 *   }
 * }
 * ```
 */
export function scopedObject<Base extends EntrypointClass>(
  app: Container,
  DurableObject: Base,
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see EntrypointClass
): Base & (abstract new (...args: any[]) => ScopedObject) {
  abstract class Scoped extends DurableObject {
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    constructor(...args: any[]) {
      super(...(args as unknown[]));
      const [ctx, env] = args as [ExecutionContextLike, object];
      // On the instance, never on a prototype: what is on a prototype can be called over RPC.
      Object.defineProperty(this, 'inScope', {
        value: (work: (container: RequestScope) => unknown) => runOnce(app.scope({ env, ctx }), work),
      });
    }
  }
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the constructor defines what it says
  return Scoped as unknown as Base & (abstract new (...args: any[]) => ScopedObject);
}

async function runOnce(scope: RequestScope, work: (container: RequestScope) => unknown): Promise<unknown> {
  try {
    return await work(scope);
  } finally {
    // The background work of an object is that of all its calls: waiting for it could take for ever.
    await endScope({ scope, work: undefined });
  }
}
