import { CloudflareClientError } from '../../errors.js';
import type { KVAccess } from './kv-access.js';
import type { KVListResultLike } from './kv-namespace.js';

/** Most keys that KV puts on one page. https://developers.cloudflare.com/kv/api/list-keys/ */
const MAX_PAGE_KEYS = 1000;

/**
 * Follows every page of a listing, one request per page, each asked for only when the one before was taken. A page can be
 * empty without being the last.
 *
 * @param access where to list.
 * @param prefix what the keys start with.
 * @param limit most keys in total; `Infinity` for all.
 * @throws what the platform threw, or CloudflareClientError `KV_TIMEOUT`, or `KV_LIST_FAILED` for a page that cannot be followed.
 */
export async function* listPages(
  access: KVAccess,
  prefix: string,
  limit: number,
): AsyncGenerator<KVListResultLike['keys']> {
  let cursor: string | undefined;
  for (let left = limit; left > 0;) {
    const page = await access.page(prefix, Math.min(left, MAX_PAGE_KEYS), cursor);
    left -= page.keys.length;
    yield page.keys;
    cursor = nextCursor(page, cursor);
    if (cursor === undefined) return;
  }
}

/**
 * Tells where the page after `page` begins.
 *
 * @param page what KV answered.
 * @param cursor where `page` began.
 * @returns its cursor; `undefined` when `page` is the last.
 * @throws {CloudflareClientError} `KV_LIST_FAILED` for a page that is not the last and leads to no other.
 */
export function nextCursor(page: KVListResultLike, cursor: string | undefined): string | undefined {
  if (page.list_complete) return undefined;
  if (page.cursor !== undefined && page.cursor !== cursor) return page.cursor;
  throw new CloudflareClientError('KV_LIST_FAILED', 'KV answered a page that is not the last and leads to no other.');
}
