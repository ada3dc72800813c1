import type { ClientEvent, EventSink } from '@codex/cloudflare-clients';

/** Upper bounds of the latencies that are told apart, in milliseconds; what took longer counts under the last. */
export const LATENCY_BOUNDS_MS: readonly number[] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

const COUNTED: ReadonlySet<string> = new Set([
  'cache.hit',
  'cache.load',
  'cache.miss',
  'cache.stale',
  'rate-limit.allowed',
  'rate-limit.denied',
  'session.hit',
  'session.miss',
]);
const UPSERT = `INSERT INTO event_minutes (minute, type, label, le_ms, count) VALUES (?1, ?2, ?3, ?4, ?5)
  ON CONFLICT (minute, type, label, le_ms) DO UPDATE SET count = count + ?5`;

/** A row of the table `event_minutes`. */
export interface EventMinute {
  /** Seconds of the epoch / 60. */
  readonly minute: number;
  /** The type of the event: `cache.hit`. */
  readonly type: string;
  /** Its key prefix; `session:` for sessions, whose events name none. */
  readonly label: string;
  /** Of `LATENCY_BOUNDS_MS`; 0 where the event tells no latency. */
  readonly leMs: number;
  readonly count: number;
}

/** What `EventMinutes` needs of D1; any version of the platform's types fits. */
export interface EventDatabase {
  prepare(sql: string): { bind(...values: unknown[]): unknown };
  batch(statements: never[]): Promise<unknown>;
}

/** What the sink is made with. */
export interface EventMinutesOptions {
  /** The clock, in milliseconds since the epoch. @default Date.now */
  readonly now?: () => number;
  /** Told when the batch could not be written; the counts are lost then. @default nothing */
  readonly onError?: (error: unknown) => void;
}

/**
 * Counts the events of one invocation, by minute, type, key prefix and latency, and adds them to the table `event_minutes` in one batch when it is disposed, as a
 * request scope does with what it made: after the response, in `waitUntil`. An invocation without such events writes nothing, and a failure is nobody's but `onError`'s.
 */
export class EventMinutes implements EventSink, AsyncDisposable {
  readonly #database: EventDatabase;
  readonly #now: () => number;
  readonly #onError: (error: unknown) => void;
  readonly #counts = new Map<string, EventMinute>();

  constructor(database: EventDatabase, { now = Date.now, onError = () => undefined }: EventMinutesOptions = {}) {
    this.#database = database;
    this.#now = now;
    this.#onError = onError;
  }

  emit(event: ClientEvent): void {
    if (!COUNTED.has(event.type)) return;
    const minute = Math.floor(this.#now() / 60_000);
    const { type } = event;
    const label = 'keyPrefix' in event ? event.keyPrefix : 'session:';
    const leMs = 'durationMs' in event ? boundOf(event.durationMs) : 0;
    const key = JSON.stringify([minute, type, label, leMs]);
    const count = (this.#counts.get(key)?.count ?? 0) + 1;
    this.#counts.set(key, { minute, type, label, leMs, count });
  }

  /** What was counted and is not written yet. */
  get rows(): readonly EventMinute[] {
    return [...this.#counts.values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { rows } = this;
    this.#counts.clear();
    if (rows.length === 0) return;
    try {
      const statements = rows.map(({ minute, type, label, leMs, count }) =>
        this.#database.prepare(UPSERT).bind(minute, type, label, leMs, count),
      );
      await this.#database.batch(statements as never[]);
    } catch (error) {
      this.#onError(error);
    }
  }
}

function boundOf(durationMs: number): number {
  return LATENCY_BOUNDS_MS.find((bound) => durationMs <= bound) ?? LATENCY_BOUNDS_MS.at(-1) ?? 0;
}
