import type { ClientEvent, EventSink } from '../events.js';

/** Hands `event` to `sink` when there is one. A sink that throws is not felt by the caller. */
export function report(sink: EventSink | undefined, event: ClientEvent): void {
  if (sink === undefined) return;
  try {
    sink.emit(event);
  } catch {
    // Watching never changes the outcome of what is watched.
  }
}
