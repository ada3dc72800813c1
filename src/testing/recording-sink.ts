import type { ClientEvent, EventSink } from '../events.js';

/** An event sink that remembers. */
export class RecordingSink implements EventSink {
  readonly #events: ClientEvent[] = [];

  /** What was reported, in order. */
  get events(): readonly ClientEvent[] {
    return this.#events;
  }

  /** Remembers `event`. */
  emit(event: ClientEvent): void {
    this.#events.push(event);
  }

  /** The events of one type, in order. */
  ofType<K extends ClientEvent['type']>(type: K): Extract<ClientEvent, { type: K }>[] {
    return this.#events.filter((event): event is Extract<ClientEvent, { type: K }> => event.type === type);
  }

  /** Forgets everything. */
  clear(): void {
    this.#events.length = 0;
  }
}
