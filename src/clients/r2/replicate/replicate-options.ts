import { CloudflareClientError } from '../../../errors.js';
import { checkFunction, checkOptions } from '../check-options.js';
import { shown } from '../object-names.js';
import { integerOption } from '../r2-config.js';
import type { ReplicationCheckpoint } from './checkpoint.js';
import type { ReplicationProgress } from './replication-report.js';
import type { ReplicationEnd } from './route.js';

/** What to replicate where, and how. */
export interface ReplicateOptions {
  /** Where objects are read. */
  readonly from: ReplicationEnd;
  /** Where they are written: another bucket, account, jurisdiction or server. */
  readonly to: ReplicationEnd;
  /**
   * Objects on their way at a time: 1 to 256. In a Worker, which has six connections, 3.
   *
   * @default 16
   */
  readonly concurrency?: number | undefined;
  /**
   * Deletes what only the destination has, after everything was copied and each such key was asked for at the source once more.
   *
   * @default false
   */
  readonly deleteExtraneous?: boolean | undefined;
  /**
   * With `deleteExtraneous`: also when the source has no object at all.
   *
   * @default false
   */
  readonly allowEmptySource?: boolean | undefined;
  /**
   * Leaves objects alone that differ and are newer at the destination.
   *
   * @default false: the source wins
   */
  readonly keepNewer?: boolean | undefined;
  /**
   * Compares, and writes nothing. A checkpoint is neither read nor saved.
   *
   * @default false
   */
  readonly dryRun?: boolean | undefined;
  /**
   * Looks at both ends afterwards and reports what differs.
   *
   * @default false
   */
  readonly verify?: boolean | undefined;
  /**
   * How many keys may fail before it ends early: 1 to 10,000.
   *
   * @default 1000
   */
  readonly maxFailures?: number | undefined;
  /** Where it keeps how far it came, so that a run that was killed can be gone on with. @default nowhere */
  readonly checkpoint?: ReplicationCheckpoint | undefined;
  /**
   * A checkpoint is saved after so many objects: an integer from 1.
   *
   * @default 500
   */
  readonly checkpointObjects?: number | undefined;
  /**
   * And after so many seconds: an integer from 1.
   *
   * @default 10
   */
  readonly checkpointSeconds?: number | undefined;
  /** Called for each key. One that throws changes nothing. */
  readonly onProgress?: ((progress: ReplicationProgress) => void) | undefined;
  /** Gives it up: what is on its way is taken back, the checkpoint saved. */
  readonly signal?: AbortSignal | undefined;
}

/** Checked options. */
export interface ResolvedReplicateOptions {
  readonly concurrency: number;
  readonly deleteExtraneous: boolean;
  readonly allowEmptySource: boolean;
  readonly keepNewer: boolean;
  readonly dryRun: boolean;
  readonly verify: boolean;
  readonly maxFailures: number;
  readonly checkpoint: ReplicationCheckpoint | undefined;
  readonly checkpointObjects: number;
  readonly checkpointSeconds: number;
  readonly onProgress: ((progress: ReplicationProgress) => void) | undefined;
}

const MAX_CONCURRENCY = 256;
const MAX_FAILURES = 10_000;

type Flag = 'deleteExtraneous' | 'allowEmptySource' | 'keepNewer' | 'dryRun' | 'verify';

/**
 * Checks options and fills in the defaults.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function resolveReplicateOptions(options: ReplicateOptions): ResolvedReplicateOptions {
  const flags = flagsOf(checkOptions(options));
  const { concurrency = 16, maxFailures = 1000, checkpointObjects = 500, checkpointSeconds = 10 } = options;
  const { checkpoint, onProgress } = options;
  if (onProgress !== undefined) checkFunction('onProgress', onProgress);
  if (checkpoint !== undefined) {
    const methods: { readonly load: unknown; readonly save: unknown } = checkOptions(checkpoint, 'checkpoint');
    checkFunction('checkpoint.load', methods.load);
    checkFunction('checkpoint.save', methods.save);
  }
  return {
    ...flags,
    concurrency: integerOption('concurrency', concurrency, MAX_CONCURRENCY),
    maxFailures: integerOption('maxFailures', maxFailures, MAX_FAILURES),
    checkpointObjects: integerOption('checkpointObjects', checkpointObjects, Number.MAX_SAFE_INTEGER),
    checkpointSeconds: integerOption('checkpointSeconds', checkpointSeconds, Number.MAX_SAFE_INTEGER),
    checkpoint: flags.dryRun ? undefined : checkpoint,
    onProgress,
  };
}

function flagsOf(options: ReplicateOptions): Record<Flag, boolean> {
  const flag = (name: Flag): boolean => {
    const value: unknown = options[name] ?? false;
    if (typeof value === 'boolean') return value;
    throw new CloudflareClientError('INVALID_OPTION', `${name} ${shown(value)} must be true or false.`);
  };
  return {
    deleteExtraneous: flag('deleteExtraneous'),
    allowEmptySource: flag('allowEmptySource'),
    keepNewer: flag('keepNewer'),
    dryRun: flag('dryRun'),
    verify: flag('verify'),
  };
}
