import { Injectable } from '@codex/cloudflare-clients';
import { DATABASE } from './database.js';

/** What the clients' events of a minute amount to. */
export interface EventMinute {
  /** Seconds of the epoch / 60. */
  readonly minute: number;
  /** The type of the event, such as `cache.hit`. */
  readonly type: string;
  /** Its key prefix; '' where it has none. */
  readonly label: string;
  /** Upper bound of the latency in milliseconds; 0 where the event has none. */
  readonly leMs: number;
  readonly count: number;
}

/** The table `event_minutes`. */
@Injectable(DATABASE)
export class EventMinuteTable {
  constructor(private readonly database: D1Database) {}

  /** Adds to what is there, in one transaction. */
  async add(minutes: readonly EventMinute[]): Promise<void> {
    if (minutes.length === 0) return;
    const statement = this.database.prepare(
      `INSERT INTO event_minutes (minute, type, label, le_ms, count) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (minute, type, label, le_ms) DO UPDATE SET count = count + excluded.count`,
    );
    await this.database.batch(
      minutes.map(({ minute, type, label, leMs, count }) => statement.bind(minute, type, label, leMs, count)),
    );
  }

  /** Counts of some types since a minute, over all labels. */
  async since(minute: number, types: readonly string[]): Promise<Omit<EventMinute, 'label'>[]> {
    const { results } = await this.database
      .prepare(
        `SELECT minute, type, le_ms AS leMs, SUM(count) AS count FROM event_minutes
         WHERE minute >= ? AND type IN (${types.map(() => '?').join(', ')}) GROUP BY minute, type, le_ms`,
      )
      .bind(minute, ...types)
      .all<Omit<EventMinute, 'label'>>();
    return results;
  }
}
