import type { ClientEvent, EventSink } from '@codex/cloudflare-clients';
import type { EventMinute, EventMinuteTable } from '../data/event-minute-table.js';
import { bucketOf } from './latency-scale.js';

/** A database is not written to for every request. */
const FLUSH_AFTER_MS = 5_000;
const FLUSH_AFTER_ENTRIES = 200;
const MS_PER_MINUTE = 60_000;

/**
 * Adds events up by minute. One is shared by all requests of an isolate, and holds numbers alone; the request that finds it due writes it to the
 * database. What an isolate has not written when it ends is lost: this is for charts, not for bills.
 */
export class EventMinutes implements EventSink {
  readonly #now: () => number;
  #counts = new Map<string, EventMinute>();
  #flushedAt: number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#flushedAt = 0;
  }

  emit(event: ClientEvent): void {
    const minute = Math.floor(this.#now() / MS_PER_MINUTE);
    const label = 'keyPrefix' in event ? event.keyPrefix : '';
    const leMs = 'durationMs' in event ? bucketOf(event.durationMs) : 0;
    const key = `${minute} ${event.type} ${leMs} ${label}`;
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { minute, type: event.type, label, leMs, count });
  }

  /** Whether it is time to write. */
  get isDue(): boolean {
    const isOld = this.#now() - this.#flushedAt >= FLUSH_AFTER_MS;
    return this.#counts.size > 0 && (isOld || this.#counts.size >= FLUSH_AFTER_ENTRIES);
  }

  /** Writes what there is. What cannot be written is kept for the next time, within bounds. */
  async flush(table: Pick<EventMinuteTable, 'add'>): Promise<void> {
    const counts = this.#counts;
    this.#counts = new Map();
    this.#flushedAt = this.#now();
    try {
      await table.add([...counts.values()]);
    } catch (error) {
      if (this.#counts.size < FLUSH_AFTER_ENTRIES) this.#takeBack(counts);
      throw error;
    }
  }

  #takeBack(counts: Map<string, EventMinute>): void {
    for (const [key, entry] of counts) {
      this.#counts.set(key, { ...entry, count: entry.count + (this.#counts.get(key)?.count ?? 0) });
    }
  }
}
