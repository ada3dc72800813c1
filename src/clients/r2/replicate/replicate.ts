import { internalsOf } from '../r2-internals.js';
import { readCheckpoint, type CheckpointState } from './checkpoint.js';
import { copyAgain, copyPhase } from './copy-phase.js';
import { throwIfAborted } from './copy-failure.js';
import { deleteAgain, deletePhase } from './delete-phase.js';
import { resolveReplicateOptions, type ReplicateOptions, type ResolvedReplicateOptions } from './replicate-options.js';
import type { ReplicationReport, ReplicationVerification } from './replication-report.js';
import { ReplicationRun } from './replication-run.js';
import { endpointOf, routeOf, type ReplicationEnd } from './route.js';
import { verifyPhase } from './verify-phase.js';

/**
 * Makes the destination have what the source has, across buckets, accounts, jurisdictions and servers.
 *
 * Both listings are gone through side by side, so no more than a page of each is in memory. An object is the same when size and tag are;
 * tags of objects in parts depend on where they were cut, so a copy of such an object carries the source's tag and size in its
 * metadata (`codex-replicated-from`), and that decides when the tags differ. The server copies by itself where both clients have the
 * same endpoint and credentials; otherwise objects are streamed, with the source's tag as the MD5 that the destination checks, or
 * in parts of the size that the source was most likely stored in. Content type, headers, metadata and storage class stay.
 *
 * A key that fails is reported and stops nothing; an unreadable listing, a missing bucket or refused credentials end it.
 *
 * @example
 * ```ts
 * const report = await replicate({
 *   from: { client: r2, bucket: 'codex-media-production' },
 *   to: { client: r2, bucket: 'codex-media-backup' },
 *   verify: true,
 * });
 * if (!report.complete) console.error(report.failures, report.verification?.mismatches);
 * ```
 * @throws {CloudflareClientError} `INVALID_OPTION` (also for a checkpoint of another replication), `INVALID_PREFIX`, `R2_ABORTED`, and what
 * ended it: `R2_NO_SUCH_BUCKET`, `R2_ACCESS_DENIED`, another `R2_*` of a listing. The checkpoint was saved before.
 */
export async function replicate(options: ReplicateOptions): Promise<ReplicationReport> {
  const resolved = resolveReplicateOptions(options);
  const { from, to, signal } = options;
  const route = routeOf(from, to);
  throwIfAborted(signal, 'replication');
  const identity = identityOf(options, resolved);
  const saved = await resolved.checkpoint?.load();
  const state: CheckpointState | null = saved == null ? null : readCheckpoint(saved, identity);
  const { now } = internalsOf(to.client).options;
  const run = new ReplicationRun({ route, options: resolved, identity, state, now, signal });
  const outcome: Outcome = { verification: null, deletionRefused: false };
  await run.watch(async () => {
    if (run.phase === 'copy') await runCopies(run);
    outcome.deletionRefused = await runDeletions(run);
    if (resolved.verify && !resolved.dryRun && !run.hasEnded()) outcome.verification = await verifyPhase(run);
  });
  return reportOf(run, outcome, state !== null);
}

interface Outcome {
  verification: ReplicationVerification | null;
  deletionRefused: boolean;
}

async function runCopies(run: ReplicationRun): Promise<void> {
  await copyAgain(run, failedKeys(run, 'copy'));
  if (!run.hasEnded()) await copyPhase(run);
}

/** Deletes what is extraneous; tells whether that was refused. */
async function runDeletions(run: ReplicationRun): Promise<boolean> {
  const { deleteExtraneous, allowEmptySource, dryRun } = run.options;
  if (!deleteExtraneous || run.hasEnded()) return false;
  // Asked anew: the source may have been emptied since it was copied, or since the run that this one goes on from.
  if (!allowEmptySource && (await isEmptySource(run))) {
    return run.totals.extraneous + run.totals.source.objects > 0;
  }
  if (dryRun) return false;
  const failed = failedKeys(run, 'delete');
  if (run.phase === 'copy') run.enterDeletion();
  else await copyAgain(run, failedKeys(run, 'copy'));
  await deleteAgain(run, failed);
  if (!run.hasEnded()) await deletePhase(run);
  return false;
}

async function isEmptySource({ route }: ReplicationRun): Promise<boolean> {
  const { store, bucket, prefix } = route.from;
  let token: string | undefined;
  do {
    // A page may be empty and not be the last.
    const page = await store.list({ bucket, prefix, maxKeys: 1, token, signal: route.signal });
    if (page.files.length > 0) return false;
    token = page.token;
  } while (token !== undefined);
  return true;
}

function failedKeys(run: ReplicationRun, operation: 'copy' | 'delete'): string[] {
  return [...run.failures.values()].filter((failure) => failure.operation === operation).map(({ key }) => key);
}

function reportOf(run: ReplicationRun, outcome: Outcome, resumed: boolean): ReplicationReport {
  const { verification, deletionRefused } = outcome;
  const { dryRun, deleteExtraneous } = run.options;
  const verified =
    verification === null ||
    (verification.missing + verification.different === 0 && (!deleteExtraneous || verification.extraneous === 0));
  return {
    ...structuredClone(run.totals),
    complete: run.failures.size === 0 && !run.stopped && !deletionRefused && verified,
    dryRun,
    resumed,
    stopped: run.stopped,
    deletionRefused,
    failures: [...run.failures.values()],
    checkpointFailures: run.checkpointFailures,
    verification,
  };
}

/** What a checkpoint belongs to: both ends, and the options that decide what is done to a key. */
function identityOf({ from, to }: ReplicateOptions, { deleteExtraneous, keepNewer }: ResolvedReplicateOptions): string {
  const flags = `${deleteExtraneous ? ' deleteExtraneous' : ''}${keepNewer ? ' keepNewer' : ''}`;
  return `${nameOf(from)} -> ${nameOf(to)}${flags}`;
}

function nameOf({ client, bucket, prefix = '' }: ReplicationEnd): string {
  return `${endpointOf(internalsOf(client))}/${bucket}/${prefix}`;
}
