import { onAbort } from '../../../internal/on-abort.js';
import { guardBody } from './guarded-body.js';
import { IdleTimer } from './idle-timer.js';
import { requestBody, type RequestBody } from './request-body.js';
import { boundRetryAfter } from './retry-after.js';
import { abortError } from './s3-call.js';

/** A request as the SDK hands it to its request handler; structural, so that no package of the SDK's inside is named. */
export interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | string[] | null>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A response as the SDK wants it back. */
export interface SdkResponse {
  readonly statusCode: number;
  readonly reason: string;
  readonly headers: Record<string, string>;
  readonly body: ReadableStream<Uint8Array>;
}

/** What the SDK passes along with a request. */
export interface SdkRequestOptions {
  readonly abortSignal?: { readonly aborted: boolean; onabort?: unknown } | undefined;
  /** Ends the reading of the answer's body. @default abortSignal */
  readonly bodySignal?: AbortSignal | undefined;
  /** Milliseconds without progress. */
  readonly requestTimeout?: number | undefined;
  /** Told how many bytes the network took since the last call; negative for those of an attempt that failed. */
  readonly onUploadProgress?: ((bytes: number) => void) | undefined;
}

const DEFAULT_TIMEOUT_MS = 60_000;

/**
 * The SDK's request handler over `fetch`, the same in Node and in workerd. What the SDK's own one lacks: `Content-Length`
 * on streamed bodies in workerd, a timeout for silence instead of one for the whole request, a check of every length, no
 * redirects, and no second `Content-Length` beside the one of fetch (undici 7 refuses "5, 5").
 */
export class FetchRequestHandler {
  /** Sends one request. */
  async handle(request: SdkRequest, options: SdkRequestOptions = {}): Promise<{ response: SdkResponse }> {
    const { requestTimeout: timeoutMs = DEFAULT_TIMEOUT_MS, abortSignal, bodySignal = abortSignal } = options;
    const controller = new AbortController();
    const stopListening = forwardAbort(abortSignal, controller);
    const idle = new IdleTimer(timeoutMs, () => controller.abort(timeoutError(timeoutMs)));
    const progress = new SentBytes(options.onUploadProgress);
    const body = bodyOf(request, (bytes) => {
      idle.restart();
      progress.add(bytes);
    });
    idle.restart();
    try {
      const response = await fetch(requestUrl(request), requestInit(request, body, controller.signal));
      if (!response.ok) body.exact?.abandon();
      progress.end(response.ok, Number(request.headers['content-length'] ?? 0));
      return { response: toSdkResponse(request, response, { timeoutMs, controller, signal: bodySignal }) };
    } catch (error) {
      progress.end(false, 0);
      body.exact?.abandon(error);
      throw body.exact?.failure ?? abortReason(controller.signal) ?? networkError(error);
    } finally {
      idle.stop();
      stopListening();
    }
  }

  /** Part of the SDK's interface; nothing is configured here. */
  updateHttpClientConfig(): void {
    // Timeouts travel with each request.
  }

  /** Part of the SDK's interface. */
  httpHandlerConfigs(): Record<string, never> {
    return {};
  }
}

function requestUrl({ protocol, hostname, port, path, query = {} }: SdkRequest): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each) =>
      each === null ? escapeUri(name) : `${escapeUri(name)}=${escapeUri(each)}`,
    ),
  );
  const host = port === undefined ? hostname : `${hostname}:${port}`;
  return `${protocol}//${host}${path}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`;
}

/** Escapes as SigV4 does, so that what was signed is what is sent. */
function escapeUri(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The bytes of one attempt, as its caller hears of them. */
class SentBytes {
  readonly #report: ((bytes: number) => void) | undefined;
  #bytes = 0;

  constructor(report: ((bytes: number) => void) | undefined) {
    this.#report = report;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    if (bytes !== 0) this.#report?.(bytes);
  }

  /** What went out at once was not counted on its way; what failed counts for nothing. */
  end(taken: boolean, length: number): void {
    this.add((taken ? length : 0) - this.#bytes);
  }
}

function bodyOf(request: SdkRequest, onProgress: (bytes: number) => void): RequestBody {
  const body = request.method === 'GET' || request.method === 'HEAD' ? undefined : request.body;
  return requestBody(body, Number(request.headers['content-length']), onProgress);
}

function requestInit(request: SdkRequest, body: RequestBody, signal: AbortSignal): RequestInit {
  const headers = new Headers(request.headers);
  headers.delete('host');
  headers.delete('content-length');
  if (body.bytes !== undefined) headers.set('content-length', String(body.bytes));
  // Compressed on the way, an answer has no length to be checked against (rclone#8137).
  headers.set('accept-encoding', 'identity');
  const init: RequestInit & { duplex?: 'half'; cache?: 'force-cache' } = {
    method: request.method,
    headers,
    redirect: 'manual',
    signal,
  };
  if (body.init !== undefined) init.body = body.init;
  if (body.bytes !== undefined) init.duplex = 'half';
  // Node's `fetch` adds `Cache-Control: no-cache` to what is conditional, and S3 would store it with the object. There is no
  // cache behind it, so the mode means nothing else; workerd adds nothing, and refuses the mode.
  if (request.method === 'PUT' && typeof FixedLengthStream === 'undefined') init.cache = 'force-cache';
  return init;
}

interface Attempt {
  readonly timeoutMs: number;
  readonly controller: AbortController;
  readonly signal: SdkRequestOptions['abortSignal'];
}

function toSdkResponse(
  request: SdkRequest,
  response: Response,
  { timeoutMs, controller, signal }: Attempt,
): SdkResponse {
  const expectedBytes = request.method === 'HEAD' ? null : announcedBytes(response.headers);
  const isEmpty = request.method === 'HEAD' || response.body === null || (response.ok && expectedBytes === 0);
  return {
    statusCode: response.status,
    reason: response.statusText,
    headers: boundRetryAfter(Object.fromEntries(response.headers)),
    // Most answers of a bulk operation have no body, and a guard with its streams costs as much as half of the request.
    body: isEmpty
      ? emptyBody()
      : guardBody(response.body as ReadableStream<Uint8Array>, {
          request: `${request.method} ${decodePath(request.path)}`,
          expectedBytes,
          timeoutMs,
          abort: () => controller.abort(),
          signal: signal instanceof AbortSignal ? signal : undefined,
        }),
  };
}

function emptyBody(): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
}

/** `null` also for an encoded body: what is read is decoded, and its length is not the one announced. */
function announcedBytes(headers: Headers): number | null {
  const encoding = headers.get('content-encoding');
  if (encoding !== null && encoding !== 'identity') return null;
  const length = headers.get('content-length');
  return length === null ? null : Number(length);
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function forwardAbort(signal: SdkRequestOptions['abortSignal'], controller: AbortController): () => void {
  if (!(signal instanceof AbortSignal)) return () => undefined;
  return onAbort(signal, () => controller.abort(abortError(signal)));
}

/** Our own reason for having aborted; `fetch` may reject with another error. */
function abortReason(signal: AbortSignal): Error | undefined {
  return signal.reason instanceof Error ? signal.reason : undefined;
}

function timeoutError(timeoutMs: number): Error {
  return namedError('TimeoutError', `No progress for ${timeoutMs} ms.`);
}

function networkError(cause: unknown): Error {
  // `$retryable` tells the SDK's retry that another attempt may succeed.
  return Object.assign(namedError('NetworkError', 'The connection failed.', cause), { $retryable: {} });
}

function namedError(name: string, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { name });
}
