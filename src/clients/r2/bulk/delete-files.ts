import { CloudflareClientError } from '../../../errors.js';
import { checkFunction } from '../check-options.js';
import { BulkDeletion, MAX_BATCH_KEYS, type R2DeleteResult } from './bulk-deletion.js';
import { listPages } from './list-files.js';
import { checkBucket, checkDeletableKey, checkKey, checkPrefix, invalidPrefix, shown } from '../object-names.js';
import type { R2Internals } from '../r2-internals.js';
import { checkSignal } from '../transfer/download-options.js';

/** Which object to delete. */
export interface R2DeleteOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Key of the object: 1 to 1,024 UTF-8 bytes. */
  readonly key: string;
  /**
   * Gives the work up: it rejects with `R2_ABORTED`. What was deleted before stays deleted.
   *
   * @default none
   */
  readonly signal?: AbortSignal | undefined;
}

/** Which objects to delete. */
export interface R2DeleteFilesOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Any number of keys; one given twice counts once. */
  readonly keys: readonly string[];
  /**
   * Gives the work up: it rejects with `R2_ABORTED`. What was deleted before stays deleted.
   *
   * @default none
   */
  readonly signal?: AbortSignal | undefined;
}

/** Which part of a bucket to delete. */
export interface R2DeletePrefixOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** What the keys begin with; ends in `/`, because `creator1` would also delete `creator10/...`. */
  readonly prefix: string;
  /**
   * Counts what would be deleted, and deletes nothing.
   *
   * @default false
   */
  readonly dryRun?: boolean | undefined;
  /**
   * Takes a prefix that does not end in `/`.
   *
   * @default false
   */
  readonly allowUnterminatedPrefix?: boolean | undefined;
  /**
   * Takes the empty prefix: every object of the bucket is deleted.
   *
   * @default false
   */
  readonly allowEmptyPrefix?: boolean | undefined;
  /**
   * Gives the work up: it rejects with `R2_ABORTED`. What was deleted before stays deleted.
   *
   * @default none
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called after each page that was listed and each batch that was deleted. What it throws is dropped.
   *
   * @default none
   */
  readonly onProgress?: ((progress: R2DeleteProgress) => void) | undefined;
}

/** How far the deletion of a prefix is. */
export interface R2DeleteProgress {
  /** Objects found so far. */
  readonly matched: number;
  /** Objects that are gone. */
  readonly deleted: number;
  /** Objects that could not be deleted. */
  readonly failed: number;
}

/** What the deletion of a prefix did. */
export interface R2DeletePrefixResult extends R2DeleteResult {
  /** How many objects have the prefix. */
  readonly matched: number;
  /** When true, nothing was deleted. */
  readonly dryRun: boolean;
}

/** What a deletion needs of a client. */
export type DeletionAccess = Pick<R2Internals, 'storeOf' | 'options'>;

/** Batches on their way at a time, beside the page that is listed meanwhile: R2 takes some 4,000 writes a second for a bucket. */
const MAX_BATCHES_IN_FLIGHT = 3;

/** Deletes one object; one that does not exist is not an error. */
export async function deleteFile(r2: DeletionAccess, options: R2DeleteOptions): Promise<void> {
  const { bucket, key, signal } = options;
  checkBucket(bucket);
  checkKey(key);
  checkSignal(signal);
  await r2.storeOf(bucket).delete({ bucket, key, signal });
}

/** Deletes keys, a thousand a request. */
export async function deleteFiles(r2: DeletionAccess, options: R2DeleteFilesOptions): Promise<R2DeleteResult> {
  const { bucket, keys, signal } = options;
  checkBucket(bucket);
  // A string would be taken for its characters, and each of them deleted.
  if (!Array.isArray(keys)) throw new CloudflareClientError('INVALID_OPTION', `keys ${shown(keys)} must be an array.`);
  for (const key of keys) checkDeletableKey(key);
  checkSignal(signal);
  const deletion = new BulkDeletion({ store: r2.storeOf(bucket), options: r2.options, bucket, signal });
  const unique = [...new Set(keys)];
  try {
    for (let start = 0; start < unique.length; start += MAX_BATCH_KEYS) {
      await deletion.delete(unique.slice(start, start + MAX_BATCH_KEYS));
    }
  } catch (error) {
    throw deletion.explain(error, 'delete');
  }
  return deletion.result;
}

/** Deletes everything under a prefix: while a page is deleted, the next one is listed. */
export async function deletePrefix(r2: DeletionAccess, options: R2DeletePrefixOptions): Promise<R2DeletePrefixResult> {
  const { bucket, prefix, dryRun = false, signal, onProgress } = options;
  checkBucket(bucket);
  checkDeletablePrefix(options);
  if (onProgress !== undefined) checkFunction('onProgress', onProgress);
  const deletion = new BulkDeletion({ store: r2.storeOf(bucket), options: r2.options, bucket, signal });
  const batches = new Batches(MAX_BATCHES_IN_FLIGHT);
  let matched = 0;
  const report = (): void => {
    const { deleted, failed } = deletion.result;
    tell(onProgress, { matched, deleted, failed: failed.length });
  };
  try {
    for await (const page of listPages(r2, { bucket, prefix, signal })) {
      matched += page.length;
      report();
      if (!dryRun) await batches.add(() => deletion.delete(page.map((file) => file.key)).then(report));
    }
    await batches.settled();
    return { ...deletion.result, matched, dryRun };
  } catch (error) {
    const failure = await batches.failure();
    throw deletion.explain(failure?.error ?? error, failure === undefined ? 'list for deletion' : 'delete');
  }
}

/** Work on its way, a few pieces at a time. The first failure stops what comes after it. */
class Batches {
  readonly #max: number;
  readonly #inFlight = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(max: number) {
    this.#max = max;
  }

  /** Begins a piece of work, unless one has failed; comes back when there is room for another. */
  async add(work: () => Promise<void>): Promise<void> {
    this.#throwFailure();
    const piece = work()
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => this.#inFlight.delete(piece));
    this.#inFlight.add(piece);
    if (this.#inFlight.size >= this.#max) await Promise.race(this.#inFlight);
    this.#throwFailure();
  }

  /** Waits until nothing is on its way, and throws the first failure. */
  async settled(): Promise<void> {
    await Promise.all(this.#inFlight);
    this.#throwFailure();
  }

  /** Waits until nothing is on its way; answers with the first failure, if one of the pieces failed. */
  async failure(): Promise<{ readonly error: unknown } | undefined> {
    await Promise.all(this.#inFlight);
    return this.#failure;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** What the caller does with it never changes what is deleted. */
function tell(onProgress: R2DeletePrefixOptions['onProgress'], progress: R2DeleteProgress): void {
  try {
    onProgress?.(progress);
  } catch {
    // Not ours.
  }
}

function checkDeletablePrefix({ prefix, allowEmptyPrefix, allowUnterminatedPrefix }: R2DeletePrefixOptions): void {
  checkPrefix(prefix);
  if (prefix === '') {
    if (allowEmptyPrefix === true) return;
    throw invalidPrefix(prefix, 'would delete the whole bucket; `allowEmptyPrefix: true` says that it is meant');
  }
  if (prefix.endsWith('/') || allowUnterminatedPrefix === true) return;
  throw invalidPrefix(
    prefix,
    'does not end in `/`, so it would also delete what merely begins like it; `allowUnterminatedPrefix: true` says that it is meant',
  );
}
