import { Injectable } from '@codex/cloudflare-clients';
import type { EventMinute } from '../../../../../worker/src/event-minutes.js';
import { DATABASE } from './database.js';

/** The table `event_minutes`, which the sink of the same name fills. */
@Injectable(DATABASE)
export class EventMinuteTable {
  constructor(private readonly database: D1Database) {}

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
