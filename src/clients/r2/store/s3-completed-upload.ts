import type { R2Connection } from '../s3/r2-connection.js';
import { bytesOfHex, isMd5, multipartEtag } from '../transfer/md5.js';
import type { StoredPart, StoreTarget } from './object-store.js';
import { headObject } from './s3-objects.js';

/**
 * Looks whether the object that is there now is the one of these parts.
 *
 * @returns its entity tag; `null` when it is another object, or none, or the server does not say.
 */
export async function completedEtag(
  connection: R2Connection,
  { bucket, key, signal, parts }: StoreTarget & { readonly parts: readonly StoredPart[] },
): Promise<string | null> {
  try {
    const head = await headObject(connection, { bucket, key, signal });
    if (head.status !== 'found' || !head.info.etag.endsWith(`-${parts.length}`)) return null;
    if (parts.every(({ size }) => size !== undefined) && head.info.size !== sizeOf(parts)) return null;
    const etags = parts.map(({ etag }) => etag);
    // The tags of R2's parts are opaque; where they are MD5s, the tag of the whole follows from them.
    const expected = etags.every(isMd5) ? await multipartEtag(etags.map(bytesOfHex)) : head.info.etag;
    return expected === head.info.etag ? expected : null;
  } catch {
    // The error of the completion itself says more than that of this question.
    return null;
  }
}

function sizeOf(parts: readonly StoredPart[]): number {
  return parts.reduce((sum, { size = 0 }) => sum + size, 0);
}
