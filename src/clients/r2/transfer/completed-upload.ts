import { normalizeEtag } from '../etag.js';
import type { R2Session } from '../s3/r2-connection.js';
import { failureName } from '../r2-error.js';

/** What was sent in parts. */
export interface SentParts {
  readonly Bucket: string;
  readonly Key: string;
  /** Bytes of all parts. */
  readonly size: number;
  /** Entity tags of the parts, in their order. */
  readonly etags: readonly string[];
}

const MD5 = /^[0-9a-f]{32}$/;

/**
 * Tells whether the server may have completed an upload although it answers that it does not know it: it answers so to a
 * completion that is sent again because the first answer was lost.
 */
export function mayBeCompleted(error: unknown): boolean {
  const attempts = (error as { $metadata?: { attempts?: number } } | null)?.$metadata?.attempts ?? 1;
  return attempts > 1 && failureName(error) === 'NoSuchUpload';
}

/**
 * Looks whether the object that is there now is the one that was sent in parts.
 *
 * @returns its entity tag; `null` when it is another object, or none, or the server does not say.
 */
export async function completedEtag(
  { sdk, client }: R2Session,
  { Bucket, Key, size, etags }: SentParts,
  requestOptions: { readonly requestTimeout: number },
): Promise<string | null> {
  try {
    const answer = await client.send(new sdk.HeadObjectCommand({ Bucket, Key }), requestOptions);
    const etag = normalizeEtag(answer.ETag);
    if (answer.ContentLength !== size || !etag.endsWith(`-${etags.length}`)) return null;
    const expected = await multipartEtag(client, etags);
    return expected === undefined || expected === etag ? etag : null;
  } catch {
    // The error of the completion itself says more than that of this question.
    return null;
  }
}

/** S3's tag of an object in parts, where it can be computed: the tags of R2's parts are opaque. */
async function multipartEtag(client: R2Session['client'], etags: readonly string[]): Promise<string | undefined> {
  if (!etags.every((etag) => MD5.test(etag))) return undefined;
  const md5 = new client.config.md5();
  md5.update(bytesOfHex(etags.join('')));
  return `${hexOf(await md5.digest())}-${etags.length}`;
}

function bytesOfHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, index) =>
    Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16),
  );
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
