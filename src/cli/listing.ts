import { CloudflareClientError } from '../errors.js';
import { checkBucket, checkPrefix } from '../clients/r2/object-names.js';
import type { StorePage } from '../clients/r2/store/object-store.js';
import type { Invocation } from './invocation.js';

/** Which part of a bucket to list. */
export interface Listing {
  readonly bucket: string;
  readonly prefix: string;
  /** With one, keys are rolled up to what stands before it. */
  readonly delimiter?: string | undefined;
  /** Entries at most, over all pages. */
  readonly limit?: number | undefined;
}

const MAX_PAGE_KEYS = 1000;

/** Lists page by page, until the limit, the end, or nobody reads on. */
export async function* listingPages(call: Invocation, listing: Listing): AsyncGenerator<StorePage, void, undefined> {
  const { bucket, prefix, delimiter, limit = Infinity } = listing;
  checkBucket(bucket);
  checkPrefix(prefix);
  const store = call.internals.storeOf(bucket);
  let remaining = limit;
  let token: string | undefined;
  do {
    const maxKeys = Math.min(remaining, MAX_PAGE_KEYS);
    const page = await store.list({ bucket, prefix, delimiter, maxKeys, token, signal: call.signal });
    if (page.token !== undefined && page.token === token) {
      throw new CloudflareClientError('R2_FAILED', `R2 list of ${bucket}: the server's listing repeats a page.`);
    }
    token = page.token;
    remaining -= page.files.length + page.prefixes.length;
    yield page;
    await call.io.stdout.drained();
  } while (token !== undefined && remaining > 0 && !call.io.stdout.closed);
}
