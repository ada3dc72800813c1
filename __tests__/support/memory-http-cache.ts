import type { HlsCacheLike } from '../../src/clients/r2/hls/media-cache.js';

interface Kept {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly headers: Headers;
  readonly since: number;
  readonly until: number;
}

/** A cache as `caches.default` is one: it heeds one range, `If-None-Match` and `max-age`, and refuses what that refuses. */
export class MemoryHttpCache implements HlsCacheLike {
  readonly entries = new Map<string, Kept>();
  readonly asked: string[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  async match(request: Request): Promise<Response | undefined> {
    this.asked.push(request.url);
    if (request.method !== 'GET') return undefined;
    const kept = this.entries.get(request.url);
    if (kept === undefined || kept.until <= this.#now()) return undefined;
    const { bytes } = kept;
    const headers = new Headers(kept.headers);
    headers.set('cf-cache-status', 'HIT');
    headers.set('age', String(Math.floor((this.#now() - kept.since) / 1000)));
    headers.set('date', new Date(0).toUTCString());
    if (request.headers.get('if-none-match') === headers.get('etag'))
      return new Response(null, { status: 304, headers });
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get('range') ?? '') ?? [];
    if (first === undefined) return new Response(bytes, { headers });
    const end = last === '' ? bytes.length - 1 : Number(last);
    headers.set('content-range', `bytes ${first}-${end}/${bytes.length}`);
    headers.set('content-length', String(end - Number(first) + 1));
    return new Response(bytes.slice(Number(first), end + 1), { status: 206, headers });
  }

  async put(request: Request, response: Response): Promise<void> {
    if (request.method !== 'GET' || response.status === 206) throw new TypeError('not for a cache');
    const control = response.headers.get('cache-control') ?? '';
    const [, seconds] = /^public, max-age=(\d+)$/.exec(control) ?? [];
    const bytes = new Uint8Array(await response.arrayBuffer());
    // What would not be kept is an error of the caller here.
    if (seconds === undefined || response.headers.has('set-cookie')) throw new TypeError(`not kept: ${control}`);
    const since = this.#now();
    const until = since + Number(seconds) * 1000;
    this.entries.set(request.url, { bytes, headers: new Headers(response.headers), since, until });
  }
}
