import type { EventSink } from '../../../events.js';
import type { ExecutionContextLike } from '../../../internal/execution-context.js';
import { report } from '../../../internal/report.js';

/**
 * What private HLS needs of a cache: `caches.default`, one of `caches.open`, or your own. A `Range`, `If-None-Match` or
 * `If-Modified-Since` of the request may be heeded (206, 304) or not (200).
 */
export interface HlsCacheLike {
  /** The answer that was put under the URL of the request and is still fresh. */
  match(request: Request): Promise<Response | undefined>;
  /** Keeps an answer for as long as its `Cache-Control` says. */
  put(request: Request, response: Response): Promise<void>;
}

/** What is kept of one object, and for how long. */
export interface CacheEntry {
  readonly url: string;
  readonly maxAge: number;
}

/** Kept in a cache at most: beyond, both readers of a stream, client and cache, could hold too much of it in memory. */
export const MAX_CACHED_BYTES = 16 * 1024 * 1024;

/** Asks for one range; several, and what lists them oddly, are for the store. */
const ONE_RANGE = /^bytes=(?:\d+-\d*|-\d+)$/;
/** What a cache may heed. Others (`If-Match`, `If-Range`) it may not know, and answer wrongly. */
const PASSED_ON: readonly string[] = ['range', 'if-none-match', 'if-modified-since'];
const NOT_FOR_CACHES: readonly string[] = ['if-match', 'if-range', 'if-unmodified-since'];

/** A shared cache of private media. Whoever asks it has checked the viewer's right first; what fails in it is a miss. */
export class MediaCache {
  readonly #cache: HlsCacheLike;
  readonly #events: EventSink | undefined;

  constructor(cache: HlsCacheLike, events: EventSink | undefined) {
    this.#cache = cache;
    this.#events = events;
  }

  /** The answer to a request, if the cache has one that it can give. */
  async match(request: Request, { url }: CacheEntry): Promise<Response | undefined> {
    const range = request.headers.get('range');
    if (request.method !== 'GET' || NOT_FOR_CACHES.some((name) => request.headers.has(name))) return undefined;
    if (range !== null && !ONE_RANGE.test(range)) return undefined;
    const headers = new Headers();
    for (const name of PASSED_ON) {
      const value = request.headers.get(name);
      if (value !== null) headers.set(name, value);
    }
    try {
      return await this.#cache.match(new Request(url, { headers }));
    } catch (error) {
      this.#failed('read', error);
      return undefined;
    }
  }

  /**
   * Keeps a whole object, behind the answer's back; a range never stands in for it.
   *
   * @returns what to answer with: it has the same content.
   */
  keep(response: Response, { url, maxAge }: CacheEntry, ctx: ExecutionContextLike): Response {
    const length = response.headers.get('content-length');
    if (response.status !== 200 || response.body === null || length === null) return response;
    if (Number(length) > MAX_CACHED_BYTES) return response;
    const copy = response.clone();
    const headers = new Headers(copy.headers);
    headers.set('cache-control', `public, max-age=${maxAge}`);
    ctx.waitUntil(this.#put(new Request(url), new Response(copy.body, { headers })));
    return response;
  }

  async #put(request: Request, response: Response): Promise<void> {
    try {
      await this.#cache.put(request, response);
    } catch (error) {
      this.#failed('write', error);
    }
  }

  #failed(operation: 'read' | 'write', error: unknown): void {
    report(this.#events, { type: 'client.error', source: 'r2', operation, keyPrefix: '', code: 'R2_FAILED', error });
  }
}

/** The cache of the Worker's location, where there is one: not in Node. */
export function defaultCache(): HlsCacheLike | null {
  return (globalThis as { readonly caches?: { readonly default?: HlsCacheLike } }).caches?.default ?? null;
}
