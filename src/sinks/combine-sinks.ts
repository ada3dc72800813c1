/// <reference lib="esnext.disposable" preserve="true" />
// Kept in the declarations: without it they mean nothing to an app whose own `lib` has no Disposable.
import type { ClientEvent, EventSink } from '../events.js';
import { report } from '../internal/report.js';

/** Several sinks as one. Its disposal is that of its parts. */
export type CombinedSink = EventSink & Disposable & AsyncDisposable;

type Part = EventSink & Partial<Disposable> & Partial<AsyncDisposable>;

/**
 * Makes one sink of several. Each gets each event, in the order given; one that throws or rejects is not felt by the others
 * nor by the client. Disposing it disposes each sink that has `Symbol.dispose` or `Symbol.asyncDispose`, also after one that
 * failed to, and is not failed by them: so a request scope flushes its parts. Sinks that outlive the scope and are disposable
 * do not belong in it.
 *
 * @param sinks any number; `undefined` is left out, so that a sink can depend on a condition.
 * @returns the sink.
 * @example
 * ```ts
 * const timing = new ServerTimingSink();
 * const logged = new CacheClient(env.CACHE_KV, { events: combineSinks(new ConsoleSink(), timing) });
 * ```
 */
export function combineSinks(...sinks: readonly (EventSink | undefined)[]): CombinedSink {
  const parts = sinks.filter((sink): sink is Part => sink !== undefined);
  return {
    emit: (event: ClientEvent) => parts.forEach((part) => report(part, event)),
    [Symbol.dispose]: () => parts.forEach(disposeNow),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(parts.map(dispose));
    },
  };
}

function disposeNow(part: Part): void {
  try {
    part[Symbol.dispose]?.();
  } catch {
    // Watching never changes the outcome of what is watched.
  }
}

async function dispose(part: Part): Promise<void> {
  try {
    if (part[Symbol.asyncDispose] === undefined) part[Symbol.dispose]?.();
    else await part[Symbol.asyncDispose]?.();
  } catch {
    // As above.
  }
}
