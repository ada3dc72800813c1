import { CloudflareClientError } from '../../../errors.js';
import type { ReplicationFailure, ReplicationTotals } from './replication-report.js';

/** Where a replication keeps how far it came: a file, an object, a row. */
export interface ReplicationCheckpoint {
  /** The text that was saved last; `null` for none. */
  load(): Promise<string | null>;
  /** Keeps `text` in place of the one before. Never called while another save is going on. */
  save(text: string): Promise<void>;
}

/** What a checkpoint says. */
export interface CheckpointState {
  readonly phase: 'copy' | 'delete';
  /** All keys up to this one are done; `null` for none. */
  readonly position: string | null;
  readonly totals: ReplicationTotals;
  readonly failures: readonly ReplicationFailure[];
  /** The replication ended; the next one begins anew. */
  readonly done: boolean;
}

const FORMAT = 'codex-replication-1';

/** A checkpoint as text; `identity` says of which replication. */
export function writeCheckpoint(identity: string, state: CheckpointState): string {
  return JSON.stringify({ format: FORMAT, identity, ...state });
}

/**
 * A checkpoint from its text.
 *
 * @returns `null` for one of a replication that ended.
 * @throws {CloudflareClientError} `INVALID_OPTION` for what is none, and for one of another replication.
 */
export function readCheckpoint(text: string, identity: string): CheckpointState | null {
  const saved = parse(text);
  if (saved === null) throw refused('is none, or one of another version of this package');
  if (saved.identity !== identity) {
    throw refused(`belongs to another replication, ${saved.identity}, and this one is ${identity}`);
  }
  return saved.done ? null : saved;
}

function parse(text: string): (CheckpointState & { readonly identity: string }) | null {
  try {
    const value = JSON.parse(text) as Partial<CheckpointState & { format: unknown; identity: string }> | null;
    return value !== null && value.format === FORMAT && isState(value) ? value : null;
  } catch {
    return null;
  }
}

function isState(
  value: Partial<CheckpointState & { identity: string }>,
): value is CheckpointState & { identity: string } {
  return (
    typeof value.identity === 'string' &&
    (value.phase === 'copy' || value.phase === 'delete') &&
    (value.position === null || typeof value.position === 'string') &&
    typeof value.done === 'boolean' &&
    Array.isArray(value.failures) &&
    value.failures.every(isFailure) &&
    isTotals(value.totals)
  );
}

function isFailure(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { key, operation, code, message } = value as Partial<Record<keyof ReplicationFailure, unknown>>;
  if (operation !== 'copy' && operation !== 'delete') return false;
  return [key, code, message].every((text) => typeof text === 'string');
}

function isTotals(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const totals = value as Partial<Record<keyof ReplicationTotals, unknown>>;
  const { source, copied, unchanged, keptNewer, vanished, extraneous, deleted } = totals;
  return [source, copied, unchanged].every(isCount) && [keptNewer, vanished, extraneous, deleted].every(isNumber);
}

function isCount(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { objects, bytes } = value as { objects?: unknown; bytes?: unknown };
  return isNumber(objects) && isNumber(bytes);
}

function isNumber(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function refused(why: string): CloudflareClientError {
  return new CloudflareClientError(
    'INVALID_OPTION',
    `checkpoint ${why}. Take it away to begin anew, or use one of its own for each replication.`,
  );
}

/** When and what is saved. */
export interface CheckpointSchedule {
  readonly now: () => number;
  readonly everyObjects: number;
  readonly everySeconds: number;
}

/** Saves a checkpoint now and then, one save at a time; a save that fails is counted, and felt by nobody. */
export class CheckpointWriter {
  readonly #checkpoint: ReplicationCheckpoint | undefined;
  readonly #schedule: CheckpointSchedule;
  readonly #text: () => string;
  #saving: Promise<void> | null = null;
  #settled = 0;
  #savedAt: number;
  #failures = 0;

  constructor(checkpoint: ReplicationCheckpoint | undefined, schedule: CheckpointSchedule, text: () => string) {
    this.#checkpoint = checkpoint;
    this.#schedule = schedule;
    this.#text = text;
    this.#savedAt = schedule.now();
  }

  /** How many saves failed. */
  get failures(): number {
    return this.#failures;
  }

  /** One more object is done: saves when it is time. */
  settled(): void {
    this.#settled += 1;
    const { now, everyObjects, everySeconds } = this.#schedule;
    if (this.#checkpoint === undefined || this.#saving !== null) return;
    if (this.#settled < everyObjects && now() - this.#savedAt < everySeconds * 1000) return;
    this.#saving = this.#save().finally(() => (this.#saving = null));
  }

  /** Saves what there is now, after the save that is going on. */
  async flush(): Promise<void> {
    await this.#saving;
    await this.#save();
  }

  async #save(): Promise<void> {
    this.#settled = 0;
    this.#savedAt = this.#schedule.now();
    try {
      await this.#checkpoint?.save(this.#text());
    } catch {
      this.#failures += 1;
    }
  }
}
