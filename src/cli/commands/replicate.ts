import type { Command } from 'commander';
import { replicate } from '../../clients/r2/replicate/replicate.js';
import type { ReplicationCheckpoint } from '../../clients/r2/replicate/checkpoint.js';
import type { ReplicationReport } from '../../clients/r2/replicate/replication-report.js';
import type { ReplicationEnd } from '../../clients/r2/replicate/route.js';
import { clientFromEnv } from '../credentials.js';
import { counted, formatBytes, printable } from '../display.js';
import { EXIT } from '../exit-code.js';
import type { Invocation } from '../invocation.js';
import { parseInteger, parseLocation } from '../values.js';

interface ReplicateOptions {
  readonly checkpoint?: string;
  readonly delete: boolean;
  readonly allowEmptySource: boolean;
  readonly keepNewer: boolean;
  readonly dryRun: boolean;
  readonly verify: boolean;
  readonly concurrency: string;
  readonly fromEnv: string;
  readonly toEnv: string;
}

/** How many failures and mismatches are shown to people; `--json` has all that the report has. */
const SHOWN = 20;

/** `replicate`: makes one bucket have what another has. */
export function addReplicate(program: Command, call: Invocation): void {
  program
    .command('replicate')
    .description('Copy what the destination lacks or has otherwise, across buckets, accounts and jurisdictions.')
    .argument('<from>', 'bucket, or bucket/prefix/')
    .argument('<to>', 'bucket, or bucket/prefix/')
    .option('--checkpoint <file>', 'keep in this file how far it came, and go on from there')
    .option('--delete', 'afterwards delete what only the destination has', false)
    .option('--allow-empty-source', 'with --delete: also when the source has nothing at all', false)
    .option('--keep-newer', 'leave alone what differs and is newer at the destination', false)
    .option('--dry-run', 'compare, and change nothing', false)
    .option('--verify', 'look at both ends afterwards', false)
    .option('--concurrency <n>', 'objects at a time, 1 to 256', '16')
    .option('--from-env <prefix>', 'what the variables of the source account begin with', 'R2_')
    .option('--to-env <prefix>', 'what the variables of the destination account begin with', 'R2_')
    .action((from: string, to: string, options: ReplicateOptions) => run(call, { from, to }, options));
}

async function run(
  call: Invocation,
  { from, to }: { from: string; to: string },
  options: ReplicateOptions,
): Promise<void> {
  const verb = options.dryRun ? 'Comparing' : 'Replicating';
  const ends = { from: endOf(call, from, options.fromEnv), to: endOf(call, to, options.toEnv) };
  const concurrency = parseInteger(options.concurrency, '--concurrency', { min: 1, max: 256 });
  const progress = call.startProgress(printable(`${verb} ${from} to ${to}`));
  const checkpoint = options.checkpoint === undefined ? undefined : checkpointIn(call, options.checkpoint);
  const report = await replicate({
    ...ends,
    concurrency,
    deleteExtraneous: options.delete,
    allowEmptySource: options.allowEmptySource,
    keepNewer: options.keepNewer,
    dryRun: options.dryRun,
    verify: options.verify,
    checkpoint,
    signal: call.signal,
    onProgress: ({ totals, failed }) => {
      const { copied, unchanged, keptNewer, vanished, deleted } = totals;
      progress.update(copied.objects + unchanged.objects + keptNewer + vanished + deleted + failed, null);
    },
  }).catch((error: unknown) => {
    if (call.signal.aborted && checkpoint !== undefined)
      call.note('The same command line goes on from the checkpoint.');
    throw error;
  });
  call.endProgress();
  if (!report.complete) call.exitCode = EXIT.findings;
  call.emit({ from, to, ...report });
  for (const line of linesOf(report)) call.print(line);
  warn(call, report);
}

function endOf(call: Invocation, location: string, envPrefix: string): ReplicationEnd {
  const { bucket, key: prefix } = parseLocation(location);
  return { client: envPrefix === 'R2_' ? call.client : clientFromEnv(call.io.env, envPrefix), bucket, prefix };
}

/** A file that is replaced as a whole, so that a run that is killed leaves the last good one. */
function checkpointIn(call: Invocation, path: string): ReplicationCheckpoint {
  return {
    load: () =>
      call.io.readFile(path).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw error;
      }),
    save: (text) => call.io.writeFile(path, text),
  };
}

function linesOf(report: ReplicationReport): string[] {
  const { source, copied, unchanged, keptNewer, extraneous, deleted, dryRun, resumed, verification } = report;
  const lines = [
    `Source: ${counted(source.objects, 'object')}, ${formatBytes(source.bytes)}${resumed ? ' (went on from the checkpoint)' : ''}`,
    `${dryRun ? 'Would copy' : 'Copied'} ${counted(copied.objects, 'object')}, ${formatBytes(copied.bytes)}; ${counted(unchanged.objects, 'object')} unchanged`,
  ];
  if (keptNewer > 0) lines.push(`Left ${counted(keptNewer, 'newer object')} alone`);
  if (extraneous > 0) lines.push(`${counted(extraneous, 'object')} only at the destination; ${deleted} deleted`);
  if (verification !== null) {
    const { same, missing, different } = verification;
    const wrong = `${missing} missing, ${different} different, ${verification.extraneous} extraneous`;
    lines.push(`Verified: ${counted(same.objects, 'object')} the same, ${wrong}`);
    for (const { key, reason } of verification.mismatches.slice(0, SHOWN)) lines.push(`  ${reason}  ${printable(key)}`);
  }
  return lines;
}

function warn(call: Invocation, { failures, stopped, deletionRefused, checkpointFailures }: ReplicationReport): void {
  for (const { key, operation, code, message } of failures.slice(0, SHOWN)) {
    call.note(`codex-r2: ${code}: ${operation} of ${printable(key)}: ${printable(message)}`);
  }
  if (failures.length > SHOWN)
    call.note(`codex-r2: and ${counted(failures.length - SHOWN, 'more failure')}; --json names all.`);
  if (stopped) call.note('codex-r2: ended early: too many keys failed.');
  if (deletionRefused)
    call.note('codex-r2: nothing was deleted: the source is empty; --allow-empty-source says that it is meant.');
  if (checkpointFailures > 0)
    call.note(`codex-r2: the checkpoint could not be saved ${counted(checkpointFailures, 'time')}.`);
}
