import { CloudflareClientError } from '../../../errors.js';
import { checkBucket, checkDeletableKey, checkPrefix, shown } from '../object-names.js';
import { integerOption } from '../r2-config.js';
import type { R2Internals } from '../r2-internals.js';
import type { StorePage } from '../store/object-store.js';
import { checkSignal } from '../transfer/download-options.js';

/** Which objects to list. */
export interface R2ListOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /**
   * What the keys begin with: at most 1,024 UTF-8 bytes.
   *
   * @default '' (the whole bucket)
   */
  readonly prefix?: string | undefined;
  /**
   * How many objects at most, over all pages: an integer from 1. `listFolder` counts folders too.
   *
   * @default all
   */
  readonly maxKeys?: number | undefined;
  /**
   * Lists only what comes after this key in the order of UTF-8 bytes; it need not exist.
   *
   * @default none: from the first key on
   */
  readonly startAfter?: string | undefined;
  /**
   * Gives the listing up: it rejects with `R2_ABORTED`.
   *
   * @default none
   */
  readonly signal?: AbortSignal | undefined;
}

/** Which level of a bucket to list. */
export interface R2ListFolderOptions extends R2ListOptions {
  /**
   * What ends the name of a folder: 1 to 16 characters.
   *
   * @default '/'
   */
  readonly delimiter?: string | undefined;
}

/** One object of a listing. */
export interface R2ListedFile {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** Without quotes and without `W/`. */
  readonly etag: string;
  readonly lastModified: Date;
}

/** One level of a bucket, as a directory has it. */
export interface R2Folder {
  /** Objects directly under the prefix. */
  readonly files: readonly R2ListedFile[];
  /** What is under the prefix one level deeper, each as a prefix: `creator-1/hls/`. */
  readonly folders: readonly string[];
}

/** What a listing needs of a client. */
export type ListingAccess = Pick<R2Internals, 'storeOf'>;

/** S3's and R2's bound on one page; a page may well hold less and not be the last. */
const MAX_PAGE_KEYS = 1000;
const MAX_DELIMITER_LENGTH = 16;

/**
 * Lists page by page; the next page is asked for when the caller comes back for it.
 *
 * @param r2 the client's inside.
 * @param options what to list.
 * @throws {CloudflareClientError} `INVALID_PREFIX`, `INVALID_KEY` (`startAfter`), `INVALID_OPTION`, and `R2_*`: `R2_FAILED` also for
 * a page that is no listing of what was asked for; none of such a page is given out.
 */
export async function* listPages(
  r2: ListingAccess,
  options: R2ListOptions,
): AsyncGenerator<R2ListedFile[], void, undefined> {
  for await (const { files } of storePages(r2, options)) yield files.map(toListedFile);
}

/** Lists all files, all pages of them. */
export async function listFiles(r2: ListingAccess, options: R2ListOptions): Promise<R2ListedFile[]> {
  const files: R2ListedFile[] = [];
  for await (const page of listPages(r2, options)) files.push(...page);
  return files;
}

/** Lists one level. */
export async function listFolder(r2: ListingAccess, options: R2ListFolderOptions): Promise<R2Folder> {
  const { delimiter = '/' } = options;
  if (typeof delimiter !== 'string' || delimiter === '' || delimiter.length > MAX_DELIMITER_LENGTH) {
    const bounds = `1 to ${MAX_DELIMITER_LENGTH} characters`;
    throw new CloudflareClientError('INVALID_OPTION', `delimiter ${shown(delimiter)} must be ${bounds}.`);
  }
  const files: R2ListedFile[] = [];
  // A server that cuts its pages within a folder names it twice.
  const folders = new Set<string>();
  for await (const page of storePages(r2, options, delimiter)) {
    files.push(...page.files.map(toListedFile));
    for (const folder of page.prefixes) folders.add(folder);
  }
  return { files, folders: [...folders] };
}

async function* storePages(
  r2: ListingAccess,
  options: R2ListOptions,
  delimiter?: string,
): AsyncGenerator<StorePage, void, undefined> {
  const { bucket, prefix = '', maxKeys, startAfter, signal } = options;
  checkBucket(bucket);
  checkPrefix(prefix);
  if (startAfter !== undefined) checkDeletableKey(startAfter, 'startAfter');
  checkSignal(signal);
  const store = r2.storeOf(bucket);
  let remaining = maxKeys === undefined ? Infinity : integerOption('maxKeys', maxKeys, Number.MAX_SAFE_INTEGER);
  let token: string | undefined;
  do {
    const request = { bucket, prefix, maxKeys: Math.min(remaining, MAX_PAGE_KEYS), delimiter, startAfter, signal };
    const page = await store.list({ ...request, token });
    if (page.token !== undefined && page.token === token) {
      throw new CloudflareClientError('R2_FAILED', `R2 list of ${bucket}: the server's listing repeats a page.`);
    }
    token = page.token;
    const files = page.files.slice(0, remaining);
    remaining -= files.length + page.prefixes.length;
    yield { files, prefixes: page.prefixes, token };
  } while (token !== undefined && remaining > 0);
}

function toListedFile({ key, size, etag, lastModified }: R2ListedFile): R2ListedFile {
  return { key, size, etag, lastModified };
}
