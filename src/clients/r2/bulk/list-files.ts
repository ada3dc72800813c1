import { CloudflareClientError } from '../../../errors.js';
import { normalizeEtag } from '../etag.js';
import { checkBucket, checkPrefix, shown } from '../object-names.js';
import { integerOption } from '../r2-config.js';
import type { R2Connection } from '../s3/r2-connection.js';

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
   * How many objects at most, over all pages: an integer from 1.
   *
   * @default all
   */
  readonly maxKeys?: number | undefined;
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

/** S3's and R2's bound on one page; a page may well hold less and not be the last. */
const MAX_PAGE_KEYS = 1000;

/**
 * Lists page by page; the next page is asked for when the caller comes back for it.
 *
 * @param connection to the bucket.
 * @param options what to list.
 * @param operation what the messages call it, asked anew for each page.
 * @throws {CloudflareClientError} `INVALID_PREFIX`, `INVALID_OPTION`, and `R2_*`: `R2_FAILED` also for a page that is no listing
 * of what was asked for; none of such a page is given out.
 */
export async function* listPages(
  connection: R2Connection,
  options: R2ListOptions,
  operation: () => string = () => 'list',
): AsyncGenerator<R2ListedFile[], void, undefined> {
  const { bucket, prefix = '', maxKeys } = options;
  checkBucket(bucket);
  checkPrefix(prefix);
  let remaining = maxKeys === undefined ? Infinity : integerOption('maxKeys', maxKeys, Number.MAX_SAFE_INTEGER);
  let token: string | undefined;
  do {
    const page = await listPage(connection, operation(), {
      Bucket: bucket,
      Prefix: prefix,
      MaxKeys: Math.min(remaining, MAX_PAGE_KEYS),
      ContinuationToken: token,
    });
    if (page.token !== undefined && page.token === token) throw brokenListing(operation(), bucket, 'repeats a page');
    token = page.token;
    const files = page.files.slice(0, remaining);
    remaining -= files.length;
    yield files;
  } while (token !== undefined && remaining > 0);
}

interface PageRequest {
  Bucket: string;
  Prefix: string;
  MaxKeys: number;
  ContinuationToken: string | undefined;
}

async function listPage(
  connection: R2Connection,
  operation: string,
  request: PageRequest,
): Promise<{ files: R2ListedFile[]; token: string | undefined }> {
  const { Bucket: bucket, Prefix: prefix } = request;
  return connection.run({ operation, bucket, key: prefix === '' ? undefined : prefix }, async ({ sdk, client }) => {
    const answer = await client.send(new sdk.ListObjectsV2Command(request), connection.requestOptions);
    const why = defectOf(answer, prefix);
    if (why !== undefined) throw brokenListing(operation, bucket, why);
    return {
      files: (answer.Contents ?? []).map(toListedFile),
      // The token decides, never a count: a page of 1,000 may hold 982 and go on.
      token: answer.IsTruncated === true ? answer.NextContinuationToken : undefined,
    };
  });
}

interface ListAnswer {
  readonly Name?: string | undefined;
  readonly KeyCount?: number | undefined;
  readonly IsTruncated?: boolean | undefined;
  readonly NextContinuationToken?: string | undefined;
  readonly Contents?: readonly ListedObject[] | undefined;
}

/** What is wrong with a page. It is looked at before anything is done with it: a deletion takes its keys from here. */
function defectOf(answer: ListAnswer, prefix: string): string | undefined {
  const { Name, KeyCount, IsTruncated, NextContinuationToken, Contents = [] } = answer;
  if (Name === undefined && KeyCount === undefined && IsTruncated === undefined) return 'is no ListBucketResult';
  if (IsTruncated === true && !NextContinuationToken) return 'breaks off';
  const wrong = Contents.find(({ Key = '' }) => Key === '' || !Key.startsWith(prefix));
  if (wrong === undefined) return undefined;
  return `holds the key ${shown(wrong.Key ?? '')}, which does not begin with the prefix ${shown(prefix)}`;
}

interface ListedObject {
  readonly Key?: string | undefined;
  readonly Size?: number | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
}

function toListedFile({ Key = '', Size = 0, ETag, LastModified }: ListedObject): R2ListedFile {
  return { key: Key, size: Size, etag: normalizeEtag(ETag), lastModified: LastModified ?? new Date(0) };
}

function brokenListing(operation: string, bucket: string, why: string): CloudflareClientError {
  return new CloudflareClientError('R2_FAILED', `R2 ${operation} of ${bucket}: the server's listing ${why}.`);
}
