import { CloudflareClientError } from '../../../errors.js';
import { DEFAULT_CONTENT_TYPE } from '../content-types.js';
import { normalizeEtag } from '../etag.js';
import { decodeMetadata } from '../object-headers.js';
import { checkBucket, checkKey, shown } from '../object-names.js';
import type { R2Connection } from '../s3/r2-connection.js';
import { isMissingObject } from '../r2-error.js';

/** Which object to read. */
export interface R2DownloadOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Key of the object: 1 to 1,024 UTF-8 bytes. */
  readonly key: string;
}

/** What is known of an object without its content. */
export interface R2FileInfo {
  readonly key: string;
  readonly contentType: string;
  /** Bytes as stored; `null` when the server does not say, as R2's edge does for compressed answers. */
  readonly size: number | null;
  /** Without quotes and without `W/`. */
  readonly etag: string;
  readonly lastModified: Date;
  /** Names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * An object and its content, which can be read once: as a stream or by one of the methods. A second reading is refused with
 * `INVALID_VALUE`.
 */
export interface R2Download extends R2FileInfo {
  /**
   * The content. It fails with `R2_FAILED` when it is cut short and with `R2_TIMEOUT` when nothing arrives for
   * `timeoutMs`; it never ends early without an error. Cancel it when you do not read it to its end.
   */
  readonly body: ReadableStream<Uint8Array>;
  /** The content as UTF-8 text. */
  text(): Promise<string>;
  /** The content as JSON; rejects with a `SyntaxError` when it is none. The type is the caller's claim. */
  json<T = unknown>(): Promise<T>;
  /** The content as bytes. */
  arrayBuffer(): Promise<ArrayBuffer>;
}

interface ObjectAnswer {
  readonly ContentType?: string | undefined;
  readonly ContentLength?: number | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly Metadata?: Record<string, string> | undefined;
}

/** Reads an object; `null` when there is none. */
export async function downloadFile(connection: R2Connection, options: R2DownloadOptions): Promise<R2Download | null> {
  const { bucket, key } = options;
  checkBucket(bucket);
  checkKey(key);
  return connection.run({ operation: 'download', bucket, key }, async ({ sdk, client }) => {
    const answer = await nullWhenMissing(
      client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key }), connection.requestOptions),
      false,
    );
    if (answer === null) return null;
    return download(toFileInfo(key, answer), answer.Body as unknown as ReadableStream<Uint8Array>);
  });
}

/** Reads what is known of an object; `null` when there is none. */
export async function headFile(connection: R2Connection, options: R2DownloadOptions): Promise<R2FileInfo | null> {
  const { bucket, key } = options;
  checkBucket(bucket);
  checkKey(key);
  return connection.run({ operation: 'head', bucket, key }, async ({ sdk, client }) => {
    const answer = await nullWhenMissing(
      client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: key }), connection.requestOptions),
      true,
    );
    return answer === null ? null : toFileInfo(key, answer);
  });
}

async function nullWhenMissing<T>(work: Promise<T>, bare: boolean): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (isMissingObject(error, bare)) return null;
    throw error;
  }
}

function download(info: R2FileInfo, body: ReadableStream<Uint8Array>): R2Download {
  return {
    ...info,
    body,
    text: async () => responseOf(info.key, body).text(),
    json: async <T>() => responseOf(info.key, body).json<T>(),
    arrayBuffer: async () => responseOf(info.key, body).arrayBuffer(),
  };
}

/** A Response reads a stream once, and refuses one that was read or cancelled before. */
function responseOf(key: string, body: ReadableStream<Uint8Array>): Response {
  try {
    return new Response(body);
  } catch (cause) {
    throw new CloudflareClientError(
      'INVALID_VALUE',
      `The content of ${shown(key)} was read or cancelled already; it can be read once.`,
      { cause },
    );
  }
}

function toFileInfo(key: string, answer: ObjectAnswer): R2FileInfo {
  return {
    key,
    contentType: answer.ContentType ?? DEFAULT_CONTENT_TYPE,
    size: answer.ContentLength ?? null,
    etag: normalizeEtag(answer.ETag),
    lastModified: answer.LastModified ?? new Date(0),
    metadata: decodeMetadata(answer.Metadata),
  };
}
