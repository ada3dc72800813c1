import { isCloudflareClientError } from '../../../errors.js';
import { onAbort } from '../../../internal/on-abort.js';
import { CheckpointWriter, writeCheckpoint, type CheckpointState } from './checkpoint.js';
import { isFatal, throwIfAborted } from './copy-failure.js';
import { compareKeys } from './key-order.js';
import { LowWaterMark } from './low-water-mark.js';
import type { ResolvedReplicateOptions } from './replicate-options.js';
import type { ReplicationFailure, ReplicationProgress, ReplicationTotals } from './replication-report.js';
import type { Route } from './route.js';

type Mutable<T> = { -readonly [Field in keyof T]: T[Field] extends number ? number : Mutable<T[Field]> };
type Totals = Mutable<ReplicationTotals>;
type Change = (totals: Totals) => void;

/** What a run is made with. */
export interface RunSetup {
  readonly route: Route;
  readonly options: ResolvedReplicateOptions;
  readonly identity: string;
  /** From a checkpoint; `null` to begin anew. */
  readonly state: CheckpointState | null;
  readonly now: () => number;
  /** The caller's own. */
  readonly signal?: AbortSignal | undefined;
}

/** The account of one replication, and what ends it early. */
export class ReplicationRun {
  readonly options: ResolvedReplicateOptions;
  readonly totals: Totals;
  /** By key; a key that succeeds later is taken out. */
  readonly failures: Map<string, ReplicationFailure>;
  /** Between the ends, with a signal that fires when all of it ends. */
  readonly route: Route;
  readonly #setup: RunSetup;
  readonly #controller = new AbortController();
  readonly #writer: CheckpointWriter;
  /** The totals up to the mark: what is beyond it is done, and counted, again after a resumption. */
  readonly #saved: Totals;
  readonly #unsaved = new Map<string, Change[]>();
  /** Keys that failed in this run: those of the checkpoint must not end it before they are tried again. */
  readonly #failedNow = new Set<string>();
  #phase: CheckpointState['phase'];
  #mark: LowWaterMark;
  #fatal: { readonly error: unknown } | null = null;
  #done = false;

  constructor(setup: RunSetup) {
    const { options, state, now } = setup;
    this.#setup = setup;
    this.options = options;
    this.route = { ...setup.route, signal: this.#controller.signal };
    this.totals = structuredClone(state?.totals ?? NO_TOTALS);
    this.#saved = structuredClone(this.totals);
    this.failures = new Map(state?.failures.map((failure) => [failure.key, failure]));
    this.#phase = state?.phase ?? 'copy';
    this.#mark = this.#markFrom(state?.position ?? null);
    const schedule = { now, everyObjects: options.checkpointObjects, everySeconds: options.checkpointSeconds };
    this.#writer = new CheckpointWriter(options.checkpoint, schedule, () => this.#checkpointText());
  }

  /** What it is at. */
  get phase(): CheckpointState['phase'] {
    return this.#phase;
  }

  /** The key up to which all is done. */
  get position(): string | null {
    return this.#mark.position;
  }

  /** Keys that have begun and are not behind the position: what waits, done or not, for the slowest before it. */
  get keysAhead(): number {
    return this.#unsaved.size;
  }

  /** How many saves failed. */
  get checkpointFailures(): number {
    return this.#writer.failures;
  }

  /** Whether too many keys have failed. */
  get stopped(): boolean {
    return this.#failedNow.size >= this.options.maxFailures;
  }

  /** Whether no more work is to be begun. */
  hasEnded(): boolean {
    return this.stopped || this.#fatal !== null || this.#controller.signal.aborted;
  }

  /** Goes over to deletion, from the first key on. */
  enterDeletion(): void {
    this.#phase = 'delete';
    this.#mark = this.#markFrom(null);
  }

  /** Runs `work` with the caller's signal, and saves the checkpoint however it ends. */
  async watch(work: () => Promise<void>): Promise<void> {
    const { signal } = this.#setup;
    const stopListening = onAbort(signal, () => this.#controller.abort(signal?.reason));
    try {
      await work();
      this.throwIfFailed();
      this.#done = !this.stopped;
    } catch (error) {
      throwIfAborted(signal, 'replication');
      throw error;
    } finally {
      stopListening();
      if (this.options.checkpoint !== undefined) await this.#writer.flush();
    }
  }

  /** Throws what ended all of it: the bucket, the credentials, the caller's abort. */
  throwIfFailed(): void {
    if (this.#fatal !== null) throw this.#fatal.error;
    throwIfAborted(this.#controller.signal, 'replication');
  }

  /** Does the work of one key; what fails in it is noted, and ends all of it only if it concerns more than the key. */
  async attempt(
    key: string,
    operation: ReplicationFailure['operation'],
    work: (route: Route) => Promise<void>,
  ): Promise<void> {
    try {
      await work(this.route);
    } catch (error) {
      if (!isFatal(error)) this.fail(key, operation, error);
      else {
        this.#fatal ??= { error };
        this.#controller.abort(error);
      }
    }
  }

  /** Notes a key that failed. */
  fail(key: string, operation: ReplicationFailure['operation'], error: unknown): void {
    const code = isCloudflareClientError(error) ? error.code : 'R2_FAILED';
    const message = error instanceof Error ? error.message : '';
    this.noteFailure({ key, operation, code, message });
  }

  /** Notes a key that failed. */
  noteFailure(failure: ReplicationFailure): void {
    this.failures.set(failure.key, failure);
    this.#failedNow.add(failure.key);
    this.#tell({ type: 'failed', key: failure.key, bytes: 0, code: failure.code });
  }

  /** Notes a key that is done. */
  settle(type: Exclude<ReplicationProgress['type'], 'failed'>, key: string, bytes: number): void {
    this.count(key, (totals) => {
      if (type === 'copied' || type === 'unchanged') {
        totals[type].objects += 1;
        totals[type].bytes += bytes;
      } else {
        totals[type] += 1;
      }
    });
    this.failures.delete(key);
    this.#failedNow.delete(key);
    this.#tell({ type, key, bytes });
  }

  #tell(progress: Omit<ReplicationProgress, 'totals' | 'failed'>): void {
    if (this.options.onProgress === undefined) return;
    try {
      this.options.onProgress({ ...progress, totals: structuredClone(this.totals), failed: this.failures.size });
    } catch {
      // Watching never changes the outcome of what is watched.
    }
  }

  /** Counts what belongs to a key. */
  count(key: string, change: Change): void {
    change(this.totals);
    const unsaved = this.#unsaved.get(key);
    if (unsaved === undefined) change(this.#saved);
    else unsaved.push(change);
  }

  /** Begins a key in the order of keys; the answer is called when it is done, however it ended. */
  begin(key: string): () => void {
    const done = this.#mark.begin(key);
    this.#unsaved.set(key, []);
    return () => {
      // What was cut off by the end of everything is not done.
      if (this.#fatal !== null || this.#controller.signal.aborted) return;
      done();
      this.#writer.settled();
    };
  }

  #markFrom(position: string | null): LowWaterMark {
    return new LowWaterMark(position, (key) => {
      for (const change of this.#unsaved.get(key) ?? []) change(this.#saved);
      this.#unsaved.delete(key);
    });
  }

  #checkpointText(): string {
    const { position } = this.#mark;
    const isBehind = ({ key, operation }: ReplicationFailure): boolean =>
      (this.#phase === 'delete' && operation === 'copy') || (position !== null && compareKeys(key, position) <= 0);
    return writeCheckpoint(this.#setup.identity, {
      phase: this.#phase,
      position,
      totals: this.#saved,
      failures: [...this.failures.values()].filter(isBehind),
      done: this.#done,
    });
  }
}

const NO_TOTALS: ReplicationTotals = {
  source: { objects: 0, bytes: 0 },
  copied: { objects: 0, bytes: 0 },
  unchanged: { objects: 0, bytes: 0 },
  keptNewer: 0,
  vanished: 0,
  extraneous: 0,
  deleted: 0,
};
