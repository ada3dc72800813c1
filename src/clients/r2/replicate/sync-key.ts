import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import type { StoreInfo } from '../store/object-store.js';
import { copyObject } from './copy-object.js';
import { isReplica } from './object-identity.js';
import type { Place, Route } from './route.js';

/** What was done to one key at the destination. */
export type SyncOutcome = 'copied' | 'deleted' | 'unchanged';

/** After so many changes of the source during one look at it, somebody else's turn will have to do. */
const MAX_ROUNDS = 5;

/**
 * Makes one key at the destination as it is at the source now, whoever else does so at the same time.
 *
 * After each write the source is asked again: whoever wrote what is no longer there writes once more. So the last write at the
 * destination is always followed by a look that finds it right, or by another write.
 *
 * @param route from where to where.
 * @param key without the prefixes.
 * @param deletions whether a key that the source does not have is deleted at the destination.
 * @throws {CloudflareClientError} `R2_OBJECT_CHANGED` for a source that changes all the time, other `R2_*`
 */
export async function syncKey(route: Route, key: string, deletions: boolean): Promise<SyncOutcome> {
  let outcome: SyncOutcome = 'unchanged';
  // What this call itself made of the destination: a tag, or `null` for nothing. `undefined`: it has not written.
  let written: string | null | undefined;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const source = await sourceOf(route, key);
    const tag = source === null ? null : source.etag;
    if (tag === written || (tag === null && !deletions)) return outcome;
    if (isSame(source, await headAt(route.to, key, route.signal))) return outcome;
    const done = await write(route, key, source);
    if (done === null) continue;
    written = tag;
    outcome = done;
  }
  throw new CloudflareClientError('R2_OBJECT_CHANGED', `R2 copy of ${key}: the source does not stand still.`);
}

function isSame(source: StoreInfo | null, destination: StoreInfo | null): boolean {
  if (source === null || destination === null) return source === destination;
  return isReplica(source, destination);
}

/** Copies, or deletes what the source does not have; `null` when the source changed meanwhile. */
async function write(route: Route, key: string, source: StoreInfo | null): Promise<SyncOutcome | null> {
  const { to, signal } = route;
  if (source === null) {
    await to.store.delete({ bucket: to.bucket, key: to.prefix + key, signal });
    return 'deleted';
  }
  const { etag, size, storageClass } = source;
  try {
    await copyObject(route, { key, etag, size: size ?? 0, storageClass });
    return 'copied';
  } catch (error) {
    if (isCloudflareClientError(error, 'R2_OBJECT_CHANGED')) return null;
    throw error;
  }
}

/** What the source has; a bucket that is not there is an error, and not a reason to delete. */
async function sourceOf({ from, signal }: Route, key: string): Promise<StoreInfo | null> {
  const info = await headAt(from, key, signal);
  if (info !== null) return info;
  // The answer to a HEAD does not tell a missing bucket from a missing key. That to a list does; a key is the first one below itself.
  const wanted = from.prefix + key;
  const { files } = await from.store.list({ bucket: from.bucket, prefix: wanted, maxKeys: 1, signal });
  if (files[0]?.key !== wanted) return null;
  // Written this very moment, or a HEAD that lies, which is no reason to delete.
  const written = await headAt(from, key, signal);
  if (written !== null) return written;
  throw new CloudflareClientError('R2_FAILED', `R2 copy of ${key}: a HEAD denies the source, and a listing shows it.`);
}

async function headAt(place: Place, key: string, signal: AbortSignal | undefined): Promise<StoreInfo | null> {
  const answer = await place.store.head({ bucket: place.bucket, key: place.prefix + key, signal });
  return answer.status === 'found' ? answer.info : null;
}
