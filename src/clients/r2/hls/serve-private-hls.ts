import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import type { ExecutionContextLike } from '../../../internal/execution-context.js';
import { checkFunction, checkOptions } from '../check-options.js';
import { contentTypeForKey, DEFAULT_CONTENT_TYPE } from '../content-types.js';
import { checkBucket } from '../object-names.js';
import type { R2Client } from '../r2-client.js';
import { integerOption } from '../r2-config.js';
import { internalsOf } from '../r2-internals.js';
import { serveFile } from '../transfer/serve-file.js';
import { corsHeaders, preflightResponse, type CorsHeaders, type HlsCorsOptions } from './hls-cors.js';
import { HlsTokens, type HlsAccess } from './hls-tokens.js';
import { defaultCache, MediaCache, type CacheEntry, type HlsCacheLike } from './media-cache.js';

/** What a handler of private HLS serves, and to whom. */
export interface ServePrivateHlsOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** What signed the paths and cookies. */
  readonly tokens: HlsTokens;
  /**
   * Whom a request comes from: the id of its session or user. Then only tokens bound to that id are accepted; `null` is refused.
   *
   * @default tokens that are bound to nobody
   */
  readonly viewer?: ((request: Request) => string | null | Promise<string | null>) | undefined;
  /** Which pages of other origins may play. @default none */
  readonly cors?: HlsCorsOptions | undefined;
  /**
   * Where answers are kept for other viewers. It is asked only once a request has shown its right.
   *
   * @default `caches.default`, where there is one; `null` for none
   */
  readonly cache?: HlsCacheLike | null | undefined;
  /** Seconds that browser and cache keep a playlist: 1 to 31,536,000. A live one changes all the time. @default 2 */
  readonly playlistMaxAge?: number | undefined;
  /**
   * Seconds that browser and cache keep a segment: 1 to 31,536,000. A browser never beyond the life of the token. Content that is
   * made again needs new names, or a shorter time here.
   *
   * @default 31_536_000
   */
  readonly segmentMaxAge?: number | undefined;
  /** Is told of what R2 failed with; the viewer gets a 502, 503 or 504 without a word about it. @default nobody */
  readonly onError?: ((error: unknown, request: Request) => void) | undefined;
}

/**
 * Answers a request for private media. Give it the Worker's context: without one nothing is put into the cache, for nothing
 * could finish that work.
 */
export type PrivateHlsHandler = (request: Request, ctx?: ExecutionContextLike) => Promise<Response>;

const YEAR_SECONDS = 31_536_000;
const DEFAULT_PLAYLIST_SECONDS = 2;
const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';
const UNKNOWN_TYPES: readonly (string | null)[] = [null, '', DEFAULT_CONTENT_TYPE, 'binary/octet-stream'];
const NO_STORE = { 'cache-control': 'no-store' } as const;

/**
 * Makes a handler that streams private HLS from a bucket to those with a token in the path or a cookie for the folder
 * (`HlsTokens`): GET and HEAD, ranges, conditions, the right content types, `Cache-Control: private` always. What it has read it
 * keeps in the Worker's cache without the token, so that all viewers share it; a request reaches that cache only with a
 * valid token.
 *
 * It answers 403 to a token that is missing, expired, tampered with, or for another folder or viewer, and says no more;
 * 404 where there is nothing; 405 to other methods.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`; `INVALID_ARGUMENT` for what is no `R2Client`. The handler itself rejects only with
 * what `viewer` throws.
 * @example
 * ```ts
 * declare const r2: R2Client, tokens: HlsTokens, request: Request;
 * const serve = servePrivateHls(r2, { bucket: 'codex-media-production', tokens });
 * const response = await serve(request, ctx);
 * ```
 */
export function servePrivateHls(r2: R2Client, options: ServePrivateHlsOptions): PrivateHlsHandler {
  const gate = new PrivateHls(r2, checkOptions(options));
  return (request, ctx) => gate.handle(request, ctx);
}

class PrivateHls {
  readonly #r2: R2Client;
  readonly #options: ServePrivateHlsOptions;
  readonly #cors: CorsHeaders | undefined;
  readonly #playlistMaxAge: number;
  readonly #segmentMaxAge: number;

  constructor(r2: R2Client, options: ServePrivateHlsOptions) {
    const { bucket, tokens, viewer, cors, onError } = options;
    internalsOf(r2);
    checkBucket(bucket);
    if (!(tokens instanceof HlsTokens)) throw new CloudflareClientError('INVALID_OPTION', 'tokens must be HlsTokens.');
    if (viewer !== undefined) checkFunction('viewer', viewer);
    if (onError !== undefined) checkFunction('onError', onError);
    this.#r2 = r2;
    this.#options = options;
    this.#cors = cors === undefined ? undefined : corsHeaders(cors);
    const { playlistMaxAge = DEFAULT_PLAYLIST_SECONDS, segmentMaxAge = YEAR_SECONDS } = options;
    this.#playlistMaxAge = integerOption('playlistMaxAge', playlistMaxAge, YEAR_SECONDS);
    this.#segmentMaxAge = integerOption('segmentMaxAge', segmentMaxAge, YEAR_SECONDS);
  }

  async handle(request: Request, ctx: ExecutionContextLike | undefined): Promise<Response> {
    const cors = this.#cors?.(request) ?? {};
    if (request.method === 'OPTIONS' && this.#cors !== undefined) return preflightResponse(cors);
    const response = await this.#gate(request, ctx);
    for (const [name, value] of Object.entries(cors)) response.headers.set(name, value);
    return response;
  }

  async #gate(request: Request, ctx: ExecutionContextLike | undefined): Promise<Response> {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const allow = this.#cors === undefined ? 'GET, HEAD' : 'GET, HEAD, OPTIONS';
      return refusal(405, 'Method Not Allowed', { allow });
    }
    const { tokens, viewer } = this.#options;
    if (!new URL(request.url).pathname.startsWith(`${tokens.basePath}/`)) return refusal(404, 'Not Found');
    const who: unknown = await viewer?.(request);
    // Nobody, in whatever way it was said, is not the same as no question.
    if (viewer !== undefined && typeof who !== 'string') return refusal(403, 'Forbidden');
    const access = tokens.verify(request, typeof who === 'string' ? who : undefined);
    if (access === null) return refusal(403, 'Forbidden');
    try {
      return await this.#serve(request, access, ctx);
    } catch (error) {
      return this.#failure(error, request);
    }
  }

  async #serve(request: Request, access: HlsAccess, ctx: ExecutionContextLike | undefined): Promise<Response> {
    const { key } = access;
    const { bucket } = this.#options;
    const policy = this.#policy(key, access.secondsLeft, 0);
    const url = new URL(this.#options.tokens.cachePath(bucket, key), request.url).href;
    const entry: CacheEntry | null = policy.shared === 0 ? null : { url, maxAge: policy.shared };
    const cache = entry === null ? null : this.#cache();
    const kept = entry === null ? undefined : await cache?.match(request, entry);
    if (kept !== undefined) return answer(kept, key, this.#policy(key, access.secondsLeft, ageOf(kept)).browser);
    const response = await serveFile(this.#r2, { bucket, key, cacheControl: policy.browser }, request);
    if (response.status === 404) return refusal(404, 'Not Found');
    const served = answer(response, key, policy.browser);
    if (cache === null || entry === null || ctx === undefined || request.method !== 'GET') return served;
    return cache.keep(served, entry, ctx);
  }

  #cache(): MediaCache | null {
    const { cache = defaultCache() } = this.#options;
    return cache === null ? null : new MediaCache(cache, internalsOf(this.#r2).options.events);
  }

  /** What the browser is told, and for how many seconds the shared cache keeps it. */
  #policy(key: string, secondsLeft: number, age: number): { readonly browser: string; readonly shared: number } {
    // Content keys: whoever has one can play what he has saved.
    if (/\.key$/i.test(key)) return { browser: 'private, no-store', shared: 0 };
    const isPlaylist = contentTypeForKey(key) === PLAYLIST_TYPE;
    const shared = isPlaylist ? this.#playlistMaxAge : this.#segmentMaxAge;
    // Both caches together keep nothing for longer than one of them may.
    const browser = `private, max-age=${Math.min(Math.max(shared - age, 0), secondsLeft)}`;
    return { browser: isPlaylist ? browser : `${browser}, immutable`, shared };
  }

  #failure(error: unknown, request: Request): Response {
    if (isCloudflareClientError(error, 'INVALID_KEY')) return refusal(404, 'Not Found');
    this.#tell(error, request);
    if (isCloudflareClientError(error, 'R2_TIMEOUT')) return refusal(504, 'Gateway Timeout');
    if (isCloudflareClientError(error, 'R2_RATE_LIMITED'))
      return refusal(503, 'Service Unavailable', { 'retry-after': '1' });
    return refusal(502, 'Bad Gateway');
  }

  #tell(error: unknown, request: Request): void {
    try {
      this.#options.onError?.(error, request);
    } catch {
      // Whoever is told does not change the answer.
    }
  }
}

/** Seconds that an answer has been in the cache; 0 where the cache does not say. */
function ageOf(response: Response): number {
  const age = response.headers.get('age') ?? '';
  return /^\d{1,10}$/.test(age) ? Number(age) : 0;
}

/** A copy, whose headers can be changed. */
function answer(response: Response, key: string, cacheControl: string): Response {
  const { status } = response;
  const headers = new Headers(response.headers);
  // Of the shared cache's copy, which may be older than this viewer's browser may keep it: it would be stale on arrival.
  for (const name of ['age', 'date', 'expires']) headers.delete(name);
  headers.set('cache-control', status < 400 ? cacheControl : 'no-store');
  headers.set('x-content-type-options', 'nosniff');
  // It stands on the app's own host: an HTML or SVG among a creator's files must not act as the app.
  headers.set('content-security-policy', 'sandbox');
  const type = contentTypeForKey(key);
  const isContent = status === 200 || status === 206;
  if (isContent && UNKNOWN_TYPES.includes(headers.get('content-type'))) headers.set('content-type', type);
  return new Response(response.body, { status, headers });
}

function refusal(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(text, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', ...NO_STORE, ...headers },
  });
}
