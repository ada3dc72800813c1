import { walkPairs } from './merge-walk.js';
import { headOf } from './copy-phase.js';
import type { ReplicationRun } from './replication-run.js';
import { forEachOf } from '../../../internal/for-each-of.js';

/** R2's bound on one DeleteObjects; also how many keys are asked for at the source before they are deleted. */
const BATCH_KEYS = 1000;

/** An extraneous key, and what to call when it is dealt with. */
interface Extraneous {
  readonly key: string;
  readonly done: () => void;
}

/**
 * Deletes what only the destination has. Both ends are listed anew, and each key is asked for at the source by itself before: a listing
 * that lacks a key is no reason to delete the only copy of it.
 */
export async function deletePhase(run: ReplicationRun): Promise<void> {
  let batch: Extraneous[] = [];
  for await (const { key, source } of walkPairs(run.route, run.position)) {
    if (run.hasEnded()) break;
    const done = run.begin(key);
    if (source !== null) {
      done();
      continue;
    }
    batch.push({ key, done });
    if (batch.length < BATCH_KEYS) continue;
    await deleteBatch(run, batch);
    batch = [];
  }
  if (!run.hasEnded()) await deleteBatch(run, batch);
  run.throwIfFailed();
}

/** Tries keys again that could not be deleted before the run was gone on with. */
export async function deleteAgain(run: ReplicationRun, keys: readonly string[]): Promise<void> {
  for (let start = 0; start < keys.length && !run.hasEnded(); start += BATCH_KEYS) {
    const batch = keys.slice(start, start + BATCH_KEYS).map((key) => ({ key, done: () => undefined }));
    await deleteBatch(run, batch);
  }
  run.throwIfFailed();
}

async function deleteBatch(run: ReplicationRun, batch: readonly Extraneous[]): Promise<void> {
  const { to } = run.route;
  const gone: string[] = [];
  await forEachOf(batch, run.options.concurrency, ({ key }) =>
    run.attempt(key, 'delete', async (route) => {
      if ((await headOf(route, 'from', key)) === null) gone.push(key);
    }),
  );
  run.throwIfFailed();
  if (gone.length > 0) {
    const keys = gone.map((key) => to.prefix + key);
    const failed = await to.store.deleteMany({ bucket: to.bucket, keys, signal: run.route.signal });
    const failures = new Map(failed.map((failure) => [failure.key.slice(to.prefix.length), failure]));
    for (const key of gone) {
      const failure = failures.get(key);
      if (failure === undefined) run.settle('deleted', key, 0);
      else run.noteFailure({ key, operation: 'delete', code: failure.code, message: failure.message });
    }
  }
  for (const { done } of batch) done();
}
