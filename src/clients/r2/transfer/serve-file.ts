import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import { checkOptions } from '../check-options.js';
import { checkHeaderValue } from '../object-headers.js';
import { shown } from '../object-names.js';
import { internalsOf } from '../r2-internals.js';
import type { ByteRange, ObjectConditions, StoreInfo, StoreRead } from '../store/object-store.js';
import { bodyOf, type FoundRead, type Reader } from './download-file.js';
import { checkReadOptions } from './download-options.js';
import {
  failedResponse,
  fileResponse,
  isEncoded,
  notModifiedResponse,
  rangeResponse,
  type ResponseExtras,
} from './file-response.js';
import { allowsRange, evaluateConditions, httpDate, onlyTag } from './http-conditions.js';
import { parseRange, resolveRange } from './http-range.js';

/** Which object answers a request, and how. */
export interface R2ServeOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Key of the object: 1 to 1,024 UTF-8 bytes. */
  readonly key: string;
  /** `Cache-Control` of the answer. @default what the object was stored with */
  readonly cacheControl?: string | undefined;
  /** More headers, which win over those of the object; on 200, 206 and 304. @default none */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Name under which a browser saves the file, instead of showing it. @default the object's own `Content-Disposition` */
  readonly downloadName?: string | undefined;
  /** Gives the reading up. @default none: a client that leaves cancels the body, and that ends it too */
  readonly signal?: AbortSignal | undefined;
}

interface Task {
  readonly reader: Reader;
  readonly options: R2ServeOptions;
  readonly request: Pick<Request, 'method' | 'headers'>;
}

/**
 * Answers a GET or HEAD with an object of a bucket, streamed, as RFC 9110 has it: conditions (`If-Match`, `If-None-Match` and their
 * dates), a single `Range` with `If-Range`, 200, 206, 304, 404 (no such object), 405, 412 and 416. Several ranges at once are answered
 * with the whole object. A connection to the bucket that drops is resumed. The caller decides who may see the object.
 *
 * @param r2 an `R2Client`.
 * @param options which object, and headers of the answer.
 * @param request the one to answer.
 * @returns the answer; its body is an error for the reader, never a short content, when the object cannot be had whole.
 * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`, `R2_NO_SUCH_BUCKET` and the other `R2_*`
 * @example
 * ```ts
 * const response = await serveFile(r2, { bucket: 'codex-media-production', key, cacheControl: 'private, max-age=3600' }, request);
 * ```
 */
export async function serveFile(
  r2: object,
  options: R2ServeOptions,
  request: Pick<Request, 'method' | 'headers'>,
): Promise<Response> {
  const task = { reader: internalsOf(r2), options: checkServeOptions(options), request };
  if (request.method === 'HEAD') return serveHead(task);
  if (request.method === 'GET') return serveGet(task);
  return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } });
}

async function serveHead({ reader, options, request }: Task): Promise<Response> {
  const { bucket, key, signal } = options;
  const head = await reader.storeOf(bucket).head({ bucket, key, signal });
  if (head.status !== 'found') return new Response(null, { status: 404 });
  return concluded(request, head.info, options) ?? fileResponse({ info: head.info, range: null, body: null }, options);
}

async function serveGet(task: Task): Promise<Response> {
  const range = parseRange(task.request.headers.get('range'));
  return range === null ? serveWhole(task) : servePart(task, range);
}

async function serveWhole(task: Task): Promise<Response> {
  return answer(task, await read(task, undefined, passedOn(task)));
}

async function servePart(task: Task, range: ByteRange): Promise<Response> {
  const ifRange = task.request.headers.get('if-range');
  // A weak tag and what is neither tag nor date match nothing.
  if (ifRange !== null && onlyTag(ifRange) === undefined && httpDate(ifRange) === null) return serveWhole(task);
  if ('suffix' in range && range.suffix === 0) return serveUnsatisfied(task, range);
  try {
    const found = await read(task, range, passedOn(task));
    const served = found.status !== 'found' || (allowsRange(ifRange, found.info) && !isEncoded(found.info));
    if (served) return await answer(task, found);
    await found.body.cancel().catch(() => undefined);
  } catch (error) {
    if (!isCloudflareClientError(error, 'R2_RANGE_NOT_SATISFIABLE')) throw error;
    return serveUnsatisfied(task, range);
  }
  return serveWhole(task);
}

/** 416 says how large the object is, and conditions come before it. */
async function serveUnsatisfied(task: Task, range: ByteRange): Promise<Response> {
  const { bucket, key, signal } = task.options;
  const head = await task.reader.storeOf(bucket).head({ bucket, key, signal });
  if (head.status !== 'found') return notFound();
  const early = concluded(task.request, head.info, task.options);
  if (early !== null) return early;
  const { size } = head.info;
  const satisfied = size !== null && resolveRange(range, size) !== null;
  if (satisfied || !allowsRange(task.request.headers.get('if-range'), head.info)) return serveWhole(task);
  return rangeResponse(size);
}

function read(
  { reader, options }: Task,
  range: ByteRange | undefined,
  conditions: ObjectConditions,
): Promise<StoreRead> {
  const { bucket, key, signal } = options;
  return reader.storeOf(bucket).get({ bucket, key, range, conditions, signal });
}

/** What the store can decide itself: the usual question, whether one version is still there. The rest is decided here. */
function passedOn({ request: { headers } }: Task): ObjectConditions {
  if (headers.get('if-match') !== null || headers.get('if-unmodified-since') !== null) return {};
  const ifNoneMatch = onlyTag(headers.get('if-none-match'));
  return ifNoneMatch === undefined ? {} : { ifNoneMatch };
}

async function answer({ reader, options, request }: Task, found: StoreRead): Promise<Response> {
  if (found.status === 'missing') return notFound();
  if (found.status === 'notModified') {
    const { etag, lastModified, cacheControl } = found;
    const extras = { ...options, cacheControl: options.cacheControl ?? cacheControl };
    return notModifiedResponse({ etag, lastModified: lastModified ?? new Date(0) }, extras);
  }
  const early = concluded(request, found.info, options);
  if (early !== null) {
    await found.body.cancel().catch(() => undefined);
    return early;
  }
  return fileResponse({ info: found.info, range: found.range, body: streamOf(reader, options, found) }, options);
}

/** Not verified: an answer cannot be taken back at its end. */
function streamOf(
  reader: Reader,
  { bucket, key, signal }: R2ServeOptions,
  found: FoundRead,
): ReadableStream<Uint8Array> {
  return bodyOf(reader, { bucket, key, signal, verify: false }, found);
}

function concluded(request: Task['request'], info: StoreInfo, extras: ResponseExtras): Response | null {
  const conclusion = evaluateConditions(request.headers, info);
  if (conclusion === 'met') return null;
  if (conclusion === 'failed') return failedResponse(info);
  return notModifiedResponse(info, { ...extras, cacheControl: extras.cacheControl ?? info.cacheControl });
}

function notFound(): Response {
  return new Response('Not Found', { status: 404, headers: { 'content-type': 'text/plain; charset=utf-8' } });
}

function checkServeOptions(options: R2ServeOptions): R2ServeOptions {
  const { bucket, key, signal, cacheControl, headers = {}, downloadName } = checkOptions(options);
  checkReadOptions({ bucket, key, signal });
  checkHeaderValue('cacheControl', cacheControl);
  for (const [name, value] of Object.entries(headers)) checkHeaderValue(`headers[${shown(name)}]`, value);
  if (downloadName !== undefined && typeof downloadName !== 'string') {
    throw new CloudflareClientError('INVALID_OPTION', `downloadName ${shown(downloadName)} must be a string.`);
  }
  return options;
}
