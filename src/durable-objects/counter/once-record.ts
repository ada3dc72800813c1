import type { ObjectHost } from '../object-host.js';
import type { AbandonRequest, BeginReply, BeginRequest, OnceApi, OnceOutcome, RunRequest } from './once-api.js';

const ROW = 'once';

interface OnceRow {
  /** `idle`: it was given up. Kept for its fence. */
  readonly state: 'running' | 'done' | 'idle';
  readonly runId: string;
  readonly fence: number;
  readonly fingerprint: string;
  /** Until when the run is its runner's alone, or the result is kept; in milliseconds since the epoch. */
  readonly until: number;
  /** `null` until it is done. */
  readonly outcome: OnceOutcome | null;
  readonly alarmAt: number;
}

const NOTHING: OnceRow = {
  state: 'idle',
  runId: '',
  fence: 0,
  fingerprint: '',
  until: 0,
  outcome: null,
  alarmAt: 0,
};

/**
 * A piece of work that is done once: at most one run has the lease, its fence is above all before it, and what came of it is kept for as long as
 * was asked. A run costs three rows, and one for each renewal; waiting costs none.
 */
export class OnceRecord implements OnceApi {
  readonly #host: ObjectHost;
  #row: OnceRow;

  constructor(host: ObjectHost) {
    this.#host = host;
    this.#row = (host.storage.get(ROW) as OnceRow | undefined) ?? NOTHING;
  }

  /** Grants the run to whoever comes first, and again to the same one. */
  begin({ runId, fingerprint, leaseMs, ttlMs }: BeginRequest): BeginReply {
    const row = this.#row;
    const now = this.#host.now();
    if (row.state === 'idle' || (row.state === 'done' && row.until <= now)) {
      return this.#grant({ runId, fingerprint, leaseMs, ttlMs });
    }
    if (row.fingerprint !== fingerprint) return { state: 'conflict' };
    if (row.outcome !== null) return { state: 'done', outcome: row.outcome };
    if (row.until <= now) return this.#grant({ runId, fingerprint, leaseMs, ttlMs });
    if (row.runId === runId) {
      // A grant whose answer was lost: the caller takes it for granted now.
      this.#store({ ...row, until: now + leaseMs });
      return { state: 'run', fence: row.fence };
    }
    return { state: 'running' };
  }

  /** Lengthens the lease, also one that is over where nobody else came. */
  renew({ leaseMs, ...run }: RunRequest & { readonly leaseMs: number }): { readonly held: boolean } {
    if (!this.#isCurrent(run)) return { held: false };
    if (this.#row.state === 'running') this.#store({ ...this.#row, until: this.#host.now() + leaseMs });
    return { held: true };
  }

  /** Keeps the outcome of the current run. */
  finish({ outcome, ttlMs, ...run }: RunRequest & { readonly outcome: OnceOutcome; readonly ttlMs: number }): {
    readonly stored: boolean;
  } {
    if (!this.#isCurrent(run)) return { stored: false };
    const until = this.#host.now() + ttlMs;
    if (this.#row.state === 'running') this.#store({ ...this.#row, state: 'done', outcome, until });
    return { stored: true };
  }

  /** Makes way for the next run. */
  abandon({ runId, fence }: AbandonRequest): void {
    const run = { runId, fence: fence ?? this.#row.fence };
    if (!this.#isCurrent(run) || this.#row.state !== 'running') return;
    this.#store({ ...this.#row, state: 'idle', runId: '', fingerprint: '', until: 0 });
  }

  /** Forgets what nobody does and nothing came of, and what was kept for long enough. */
  alarm(): void {
    const { until, fence, alarmAt } = this.#row;
    if (alarmAt === 0) return;
    // A fence can run ahead of the clock; forgotten, it would be given again.
    const dueAt = Math.max(until, fence + 1);
    if (dueAt > this.#host.now()) {
      this.#store({ ...this.#row, alarmAt: 0 }, dueAt);
      return;
    }
    this.#host.clear();
    this.#row = NOTHING;
  }

  #grant({ runId, fingerprint, leaseMs, ttlMs }: BeginRequest): BeginReply {
    const now = this.#host.now();
    const fence = Math.max(this.#row.fence + 1, now);
    const until = now + leaseMs;
    const { alarmAt } = this.#row;
    // Late enough for a run without renewals to need no other alarm.
    this.#store({ state: 'running', runId, fence, fingerprint, until, outcome: null, alarmAt }, until + ttlMs);
    return { state: 'run', fence };
  }

  #isCurrent({ runId, fence }: RunRequest): boolean {
    return this.#row.state !== 'idle' && this.#row.runId === runId && this.#row.fence === fence;
  }

  #store(row: OnceRow, alarmAt = 0): void {
    const isPending = row.alarmAt > this.#host.now();
    this.#row = isPending || alarmAt === 0 ? row : { ...row, alarmAt };
    this.#host.storage.put(ROW, this.#row);
    if (this.#row !== row) this.#host.setAlarm(alarmAt);
  }
}
