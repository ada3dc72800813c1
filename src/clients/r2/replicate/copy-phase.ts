import { isCloudflareClientError } from '../../../errors.js';
import type { StoreListed } from '../store/object-store.js';
import { copyObject, type SourceObject } from './copy-object.js';
import { walkPairs, type KeyPair } from './merge-walk.js';
import { compareObjects, isReplica } from './object-identity.js';
import type { ReplicationRun } from './replication-run.js';
import type { Place, Route } from './route.js';
import { WorkPool } from './work-pool.js';

/** What is known of an object at one end. */
interface Seen {
  readonly size: number;
  readonly etag: string;
  readonly lastModified: Date;
  readonly storageClass?: StoreListed['storageClass'];
}

/** How often an object is copied that changes while it is. */
const MAX_COPIES = 2;

/** Each key ahead of the slowest copy is remembered until that is done: some 10 MB in all. */
const MAX_KEYS_AHEAD = 20_000;

/** Goes through both ends and copies what the destination lacks or has otherwise. */
export async function copyPhase(run: ReplicationRun): Promise<void> {
  const pool = new WorkPool(run.options.concurrency);
  try {
    for await (const pair of walkPairs(run.route, run.position)) {
      while (run.keysAhead >= MAX_KEYS_AHEAD && !run.hasEnded()) await pool.oneDone();
      if (run.hasEnded()) break;
      const done = run.begin(pair.key);
      if (isSettled(run, pair)) done();
      else await pool.add(() => run.attempt(pair.key, 'copy', (route) => copyPair(run, route, pair)).finally(done));
    }
  } finally {
    await pool.drain();
  }
  run.throwIfFailed();
}

/** Tries keys again that failed before the run was gone on with. */
export async function copyAgain(run: ReplicationRun, keys: readonly string[]): Promise<void> {
  const pool = new WorkPool(run.options.concurrency);
  for (const key of keys) {
    if (run.hasEnded()) break;
    await pool.add(() =>
      run.attempt(key, 'copy', async (route) => {
        const [source, destination] = await Promise.all([headOf(route, 'from', key), headOf(route, 'to', key)]);
        if (source === null) run.settle('vanished', key, 0);
        else await copyPair(run, route, { key, source, destination });
      }),
    );
  }
  await pool.drain();
  run.throwIfFailed();
}

/** Whether the listings alone say that there is nothing to do. */
function isSettled(run: ReplicationRun, { key, source, destination }: KeyPair): boolean {
  if (source === null) {
    run.count(key, (totals) => (totals.extraneous += 1));
    return true;
  }
  run.count(key, (totals) => {
    totals.source.objects += 1;
    totals.source.bytes += source.size;
  });
  if (destination === null || compareObjects(source, destination) !== 'same') return false;
  run.settle('unchanged', key, source.size);
  return true;
}

async function copyPair(
  run: ReplicationRun,
  route: Route,
  {
    key,
    source,
    destination,
  }: { readonly key: string; readonly source: Seen | null; readonly destination: Seen | null },
): Promise<void> {
  if (source === null) return;
  const { keepNewer, dryRun } = run.options;
  if (destination !== null && (await isSameObject(route, key, source, destination))) {
    run.settle('unchanged', key, source.size);
  } else if (keepNewer && destination !== null && destination.lastModified > source.lastModified) {
    run.settle('keptNewer', key, source.size);
  } else if (dryRun) {
    run.settle('copied', key, source.size);
  } else {
    await copyCurrent(run, route, { ...source, key }, destination);
  }
}

/** Copies what is there now: a source that changes meanwhile is copied once more, and then reported. */
async function copyCurrent(
  run: ReplicationRun,
  route: Route,
  source: SourceObject,
  destination: Seen | null,
): Promise<void> {
  const { key } = source;
  const unlessChanged = destination === null ? { ifNoneMatch: '*' } : { ifMatch: destination.etag };
  let current: SourceObject = source;
  for (let copies = 1; ; copies += 1) {
    try {
      await copyObject(route, current, run.options.keepNewer ? unlessChanged : undefined);
      run.settle('copied', key, current.size);
      return;
    } catch (error) {
      if (run.options.keepNewer && isCloudflareClientError(error, 'R2_PRECONDITION_FAILED')) {
        run.settle('keptNewer', key, current.size);
        return;
      }
      if (!isCloudflareClientError(error, 'R2_OBJECT_CHANGED')) throw error;
      const now = await headOf(route, 'from', key);
      if (now === null) {
        run.settle('vanished', key, 0);
        return;
      }
      if (copies === MAX_COPIES) throw error;
      current = { ...now, key };
    }
  }
}

/** Whether both ends have the same content; asks for the destination's metadata where the listings do not say. */
export async function isSameObject(
  route: Route,
  key: string,
  source: { readonly size: number; readonly etag: string },
  destination: { readonly size: number; readonly etag: string },
): Promise<boolean> {
  const answer = compareObjects(source, destination);
  if (answer !== 'unsure') return answer === 'same';
  const { store, bucket, prefix } = route.to;
  const head = await store.head({ bucket, key: prefix + key, signal: route.signal });
  return head.status === 'found' && isReplica(source, head.info);
}

/** What is at one end now; `null` for nothing. */
export async function headOf(route: Route, end: 'from' | 'to', key: string): Promise<Seen | null> {
  const place: Place = route[end];
  const head = await place.store.head({ bucket: place.bucket, key: place.prefix + key, signal: route.signal });
  if (head.status !== 'found') return null;
  const { size, etag, lastModified, storageClass } = head.info;
  return { size: size ?? 0, etag, lastModified, storageClass };
}
