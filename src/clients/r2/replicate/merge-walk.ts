import { CloudflareClientError } from '../../../errors.js';
import { shown } from '../object-names.js';
import type { StoreListed } from '../store/object-store.js';
import { compareKeys } from './key-order.js';
import type { Place, Route } from './route.js';

/** One key, and what each end has of it; at least one has something. */
export interface KeyPair {
  /** Without the prefixes. */
  readonly key: string;
  readonly source: StoreListed | null;
  readonly destination: StoreListed | null;
}

interface Listed {
  readonly key: string;
  readonly object: StoreListed;
}

const PAGE_KEYS = 1000;

/**
 * Goes through both ends in the order of keys, side by side. Holds one page of each listing.
 *
 * @param route both ends.
 * @param after only keys behind this one, without the prefixes; `null` for all.
 * @throws {CloudflareClientError} `R2_*` when a page cannot be had, `R2_FAILED` for a listing that is not in the order of keys: nothing
 * could be concluded from a key that is missing there.
 */
export async function* walkPairs(route: Route, after: string | null = null): AsyncGenerator<KeyPair, void, undefined> {
  const sources = listedOf(route.from, after, route.signal);
  const destinations = listedOf(route.to, after, route.signal);
  let source = await next(sources);
  let destination = await next(destinations);
  while (source !== null || destination !== null) {
    const order = orderOf(source, destination);
    yield pairOf(order <= 0 ? source : null, order >= 0 ? destination : null);
    if (order <= 0) source = await next(sources);
    if (order >= 0) destination = await next(destinations);
  }
}

function pairOf(source: Listed | null, destination: Listed | null): KeyPair {
  return {
    key: (source ?? destination)?.key ?? '',
    source: source?.object ?? null,
    destination: destination?.object ?? null,
  };
}

/**
 * Goes through what the source has. The destination is listed no further than the source goes, since it may hold millions of other
 * objects; without `compare` only its first page is, which tells that it is there.
 *
 * @throws {CloudflareClientError} as `walkPairs`
 */
export async function* walkSource(route: Route, compare: boolean): AsyncGenerator<KeyPair, void, undefined> {
  const destinations = listedOf(route.to, null, route.signal);
  let destination = await next(destinations);
  if (!compare) destination = null;
  for await (const source of listedOf(route.from, null, route.signal)) {
    while (destination !== null && compareKeys(destination.key, source.key) < 0) destination = await next(destinations);
    yield pairOf(source, destination?.key === source.key ? destination : null);
  }
}

/** Everything at one place behind `after`, page by page, keys without the prefix. */
async function* listedOf(
  place: Place,
  after: string | null,
  signal: AbortSignal | undefined,
): AsyncGenerator<Listed, void> {
  const { store, bucket, prefix } = place;
  const startAfter = after === null ? undefined : prefix + after;
  let token: string | undefined;
  let last: string | null = null;
  do {
    const page = await store.list({ bucket, prefix, maxKeys: PAGE_KEYS, startAfter, token, signal });
    for (const object of page.files) {
      if (last !== null && compareKeys(last, object.key) >= 0) throw outOfOrder(bucket, object.key);
      last = object.key;
      yield { key: object.key.slice(prefix.length), object };
    }
    if (page.token !== undefined && page.token === token) throw outOfOrder(bucket, last ?? '');
    token = page.token;
  } while (token !== undefined);
}

async function next(listed: AsyncGenerator<Listed, void>): Promise<Listed | null> {
  const { value } = await listed.next();
  return value ?? null;
}

function orderOf(source: Listed | null, destination: Listed | null): number {
  if (source === null) return 1;
  return destination === null ? -1 : compareKeys(source.key, destination.key);
}

function outOfOrder(bucket: string, key: string): CloudflareClientError {
  return new CloudflareClientError(
    'R2_FAILED',
    `R2 list of ${bucket}: the server's listing is not in the order of keys at ${shown(key)}.`,
  );
}
