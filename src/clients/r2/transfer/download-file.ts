import { CloudflareClientError } from '../../../errors.js';
import { shown } from '../object-names.js';
import type { R2Internals } from '../r2-internals.js';
import type { ByteRange, R2StorageClass, StoreInfo, StoreRead } from '../store/object-store.js';
import {
  checkReadOptions,
  type R2ConditionalDownloadOptions,
  type R2DownloadOptions,
  type R2HeadOptions,
} from './download-options.js';
import { isEncoded } from './file-response.js';
import { resolveRange, type ResolvedRange } from './http-range.js';
import { createMd5, hasNativeMd5, isMd5 } from './md5.js';
import { ProgressMeter } from './progress.js';
import { resumingBody, type BodySource } from './resuming-body.js';
import { downloadResponse } from './download-response.js';

/** What is known of an object without its content. */
export interface R2FileInfo {
  readonly key: string;
  readonly contentType: string;
  /** Bytes of the whole object as stored; `null` when the server does not say, as R2's edge does for compressed answers. */
  readonly size: number | null;
  /** Without quotes and without `W/`. */
  readonly etag: string;
  readonly lastModified: Date;
  /** Names in lower case. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly cacheControl?: string | undefined;
  readonly contentDisposition?: string | undefined;
  /** What the object is stored with; a `body` of such an object arrives decoded, in a length that nobody knows before. */
  readonly contentEncoding?: string | undefined;
  readonly contentLanguage?: string | undefined;
  readonly storageClass?: R2StorageClass | undefined;
}

/**
 * An object and its content, which can be read once: as a stream or by one of the methods. A second reading is refused with
 * `INVALID_VALUE`.
 */
export interface R2Download extends R2FileInfo {
  readonly notModified?: false;
  /** Which bytes these are; `null` for the whole object. */
  readonly range: { readonly offset: number; readonly length: number } | null;
  /**
   * The content. A connection that drops or stalls is replaced, `maxAttempts` times for each MiB, by one that goes on
   * where it ended. It fails with `R2_OBJECT_CHANGED` when the object was replaced meanwhile, with `R2_FAILED` when it is cut short
   * for good, with `R2_TIMEOUT` when nothing arrives for `timeoutMs`, with `R2_CHECKSUM_MISMATCH` and with `R2_ABORTED`; it never ends early
   * without an error. Cancel it when you do not read it to its end.
   */
  readonly body: ReadableStream<Uint8Array>;
  /** The content as UTF-8 text. */
  text(): Promise<string>;
  /** The content as JSON; rejects with a `SyntaxError` when it is none. The type is the caller's claim. */
  json<T = unknown>(): Promise<T>;
  /** The content as bytes. */
  arrayBuffer(): Promise<ArrayBuffer>;
  /**
   * The object as an HTTP answer, streamed. With a request, its method, conditions and `Range` are heeded (200, 206, 304, 412, 416; no body
   * for a HEAD); a range of a whole download is read by a request of its own, for the same version. For a server that answers requests from a bucket, `serveFile` asks
   * for the right bytes in the first place.
   *
   * @throws {CloudflareClientError} `INVALID_VALUE` when the content was read already
   */
  toResponse(request?: { readonly method: string; readonly headers: { get(name: string): string | null } }): Response;
}

/** The caller has the object already, by `ifNoneMatch` or `ifModifiedSince`. */
export interface R2NotModified {
  readonly notModified: true;
  readonly key: string;
  /** Without quotes and without `W/`; empty when the server does not say. */
  readonly etag: string;
  readonly lastModified: Date | null;
}

/** What `fetch` decodes, here or there: of a range it makes nothing, or rubbish. */
const DECODED = /\b(?:x-)?(?:gzip|deflate|br|zstd)\b/i;

/** What reads need of a client. */
export type Reader = Pick<R2Internals, 'storeOf' | 'options'>;

/** Reads an object; `null` when there is none. */
export async function downloadFile(
  reader: Reader,
  options: R2DownloadOptions | R2ConditionalDownloadOptions,
): Promise<R2Download | R2NotModified | null> {
  const { bucket, key, signal } = options;
  const { range, conditions } = checkReadOptions(options);
  const read = await reader.storeOf(bucket).get({ bucket, key, range, conditions, signal });
  if (read.status === 'missing') return null;
  if (read.status === 'notModified') {
    return { notModified: true, key, etag: read.etag, lastModified: read.lastModified };
  }
  await checkAnsweredRange(options, read);
  return toDownload(reader, options, read);
}

/** Reads what is known of an object; `null` when there is none. */
export async function headFile(reader: Reader, options: R2HeadOptions): Promise<R2FileInfo | null> {
  const { bucket, key, signal } = options;
  checkReadOptions({ bucket, key, signal });
  const head = await reader.storeOf(bucket).head({ bucket, key, signal });
  return head.status === 'found' ? toFileInfo(head.info) : null;
}

/** The part of a read that is there. */
export type FoundRead = Extract<StoreRead, { readonly status: 'found' }>;

/** The bytes of a read that is there, resumed when the connection drops. */
export function bodyOf(
  reader: Reader,
  options: R2ConditionalDownloadOptions,
  { info, range, body }: FoundRead,
): ReadableStream<Uint8Array> {
  return resumingBody(bodySource(reader, options, { info, range }), body);
}

/** How the bytes of one version are read. */
export function bodySource(
  reader: Reader,
  { bucket, key, signal, onProgress, verify = hasNativeMd5() }: R2ConditionalDownloadOptions,
  { info, range }: { readonly info: StoreInfo; readonly range: ResolvedRange | null },
): BodySource {
  const whole = range === null && !isEncoded(info);
  const known = whole && info.size !== null ? { offset: 0, length: info.size } : range;
  return {
    store: reader.storeOf(bucket),
    bucket,
    key,
    etag: info.etag,
    range: known,
    signal,
    maxAttempts: reader.options.maxAttempts,
    wait: reader.options.wait,
    progress: new ProgressMeter(onProgress, known?.length ?? null),
    md5: verify && whole && isMd5(info.etag) ? createMd5() : null,
  };
}

function toDownload(reader: Reader, options: R2ConditionalDownloadOptions, read: FoundRead): R2Download {
  const info = toFileInfo(read.info);
  const body = bodyOf(reader, options, read);
  const part = (range: ResolvedRange): ReadableStream<Uint8Array> =>
    resumingBody(bodySource(reader, options, { info: read.info, range }), null);
  return {
    ...info,
    notModified: false,
    range: read.range,
    body,
    text: async () => responseOf(info.key, body).text(),
    json: async <T>() => responseOf(info.key, body).json<T>(),
    arrayBuffer: async () => responseOf(info.key, body).arrayBuffer(),
    toResponse: (request) =>
      unlessRead(info.key, () => downloadResponse({ info, range: read.range, body, part }, request)),
  };
}

/** A Response reads a stream once, and refuses one that was read or cancelled before. */
function responseOf(key: string, body: ReadableStream<Uint8Array>): Response {
  return unlessRead(key, () => new Response(body));
}

function unlessRead(key: string, make: () => Response): Response {
  try {
    return make();
  } catch (cause) {
    throw new CloudflareClientError(
      'INVALID_VALUE',
      `The content of ${shown(key)} was read or cancelled already; it can be read once.`,
      { cause },
    );
  }
}

/** A server may answer a range with the whole object; a caller that asked for a part would take it for that part. */
async function checkAnsweredRange(options: R2ConditionalDownloadOptions, read: FoundRead): Promise<void> {
  const { bucket, key, range } = options;
  const { range: answered, info } = read;
  if (range === undefined) return;
  const decoded = answered !== null && DECODED.test(info.contentEncoding ?? '');
  if (!decoded && (answered !== null || isWhole(range, info.size))) return;
  await read.body.cancel().catch(() => undefined);
  const why = decoded
    ? `it is stored with content encoding ${shown(info.contentEncoding)}, and only a whole object can be decoded`
    : 'the server answered with the whole object';
  throw new CloudflareClientError(
    'R2_NOT_SUPPORTED',
    `R2 download of ${bucket}/${key}: a range was asked for, and ${why}.`,
  );
}

function isWhole(range: ByteRange, size: number | null): boolean {
  return size !== null && resolveRange(range, size)?.length === size;
}

function toFileInfo(info: StoreInfo): R2FileInfo {
  return { ...info };
}
