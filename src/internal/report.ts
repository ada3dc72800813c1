import type { ClientEvent } from '../events.js';

/** An `EventSink`, of which nothing says that `emit` is not async. */
interface AnySink {
  emit(event: ClientEvent): unknown;
}

/** Hands `event` to `sink` when there is one. A sink that throws or rejects is not felt by the caller. */
export function report(sink: AnySink | undefined, event: ClientEvent): void {
  if (sink === undefined) return;
  try {
    const result = sink.emit(event);
    if (result instanceof Promise) result.catch(() => undefined);
  } catch {
    // Watching never changes the outcome of what is watched.
  }
}
