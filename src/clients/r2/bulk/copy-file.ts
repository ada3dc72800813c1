import { normalizeEtag } from '../etag.js';
import { checkBucket, checkKey } from '../object-names.js';
import type { R2Connection } from '../s3/r2-connection.js';

/** What to copy where. Content type and metadata go with it. */
export interface R2CopyOptions {
  /** Name of the bucket that gets the copy. */
  readonly bucket: string;
  /** Key of the object to copy. */
  readonly sourceKey: string;
  /** Key of the copy; an object of that key is replaced. */
  readonly key: string;
  /**
   * Name of the bucket to copy from.
   *
   * @default `bucket`
   */
  readonly sourceBucket?: string | undefined;
}

/** The copy. */
export interface R2CopyResult {
  readonly key: string;
  /** Without quotes and without `W/`. */
  readonly etag: string;
}

/** Copies an object on the server. */
export async function copyFile(connection: R2Connection, options: R2CopyOptions): Promise<R2CopyResult> {
  const { bucket, sourceKey, key, sourceBucket = bucket } = options;
  checkBucket(bucket);
  checkBucket(sourceBucket, 'sourceBucket');
  checkKey(sourceKey, 'sourceKey');
  checkKey(key);
  const call = { operation: `copy from ${sourceBucket}/${sourceKey}`, bucket, key };
  return connection.run(call, async ({ sdk, client }) => {
    const path = sourceKey.split('/').map(encodeURIComponent).join('/');
    const command = new sdk.CopyObjectCommand({ Bucket: bucket, Key: key, CopySource: `${sourceBucket}/${path}` });
    const answer = await client.send(command, connection.requestOptions);
    return { key, etag: normalizeEtag(answer.CopyObjectResult?.ETag) };
  });
}
