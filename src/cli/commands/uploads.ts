import type { Command } from 'commander';
import { CloudflareClientError, isCloudflareClientError } from '../../errors.js';
import { checkBucket, checkPrefix } from '../../clients/r2/object-names.js';
import type { StorePendingUpload, StorePendingUploads } from '../../clients/r2/store/object-store.js';
import { forEachLimited } from '../concurrency.js';
import { counted, formatSeconds, formatTime, printable } from '../display.js';
import { EXIT } from '../exit-code.js';
import type { Invocation } from '../invocation.js';
import { parseLocation, parseSeconds, type Location } from '../values.js';

interface LsOptions {
  readonly olderThan?: string;
}

interface AbortOptions {
  readonly olderThan: string;
  readonly yes: boolean;
}

/** Behind which upload a page begins. */
type Markers = NonNullable<StorePendingUploads['next']>;

const ABORTS_AT_A_TIME = 8;

/** `uploads`: uploads in parts that nobody finished; their parts are billed. */
export function addUploads(program: Command, call: Invocation): void {
  const uploads = program.command('uploads').description('List or abort uploads in parts that nobody finished.');
  uploads
    .command('ls')
    .description('List unfinished uploads, page by page.')
    .argument('<location>', 'bucket, or bucket/prefix')
    .option('--older-than <time>', 'only those begun longer ago: 90m, 12h, 7d')
    .action((location: string, options: LsOptions) => list(call, parseLocation(location), options));
  uploads
    .command('abort')
    .description('Abort unfinished uploads and delete their parts. A dry run unless --yes is given.')
    .argument('<location>', 'bucket, or bucket/prefix')
    .requiredOption('--older-than <time>', 'only those begun longer ago: 90m, 12h, 7d; 0s for all')
    .option('--yes', 'really abort', false)
    .action((location: string, options: AbortOptions) => abort(call, parseLocation(location), options));
}

async function list(call: Invocation, location: Location, { olderThan }: LsOptions): Promise<void> {
  let count = 0;
  for await (const upload of pendingUploads(call, location, olderThan)) {
    count += 1;
    const { key, uploadId, initiated } = upload;
    call.emit({ type: 'upload', key, uploadId, initiated: initiated.toISOString() });
    call.print(lineOf(call, upload));
  }
  call.emit({ type: 'summary', bucket: location.bucket, prefix: location.key, uploads: count });
  if (call.io.stdout.isTTY) call.print(counted(count, 'unfinished upload'));
}

async function abort(call: Invocation, location: Location, { olderThan, yes }: AbortOptions): Promise<void> {
  const { bucket, key: prefix } = location;
  const matched: StorePendingUpload[] = [];
  for await (const upload of pendingUploads(call, location, olderThan)) matched.push(upload);
  const failed: { key: string; uploadId: string; code: string; message: string }[] = [];
  let aborted = 0;
  if (yes) {
    const store = call.internals.storeOf(bucket);
    const progress = call.startProgress(`Aborting uploads of ${bucket}`);
    await forEachLimited(matched, ABORTS_AT_A_TIME, call.signal, async ({ key, uploadId }) => {
      await store.abortUpload({ bucket, key, uploadId, signal: call.signal }).then(
        () => (aborted += 1),
        (error: unknown) => {
          if (!isCloudflareClientError(error) || call.signal.aborted) throw error;
          failed.push({ key, uploadId, code: error.code, message: error.message });
        },
      );
      progress.update(aborted + failed.length, matched.length);
    });
    call.endProgress();
  }
  const uploads = matched.map(({ key, uploadId, initiated }) => ({
    key,
    uploadId,
    initiated: initiated.toISOString(),
  }));
  call.emit({ bucket, prefix, dryRun: !yes, matched: matched.length, aborted, failed, uploads });
  if (!yes) matched.forEach((upload) => call.print(lineOf(call, upload)));
  call.print(
    yes
      ? `Aborted ${counted(aborted, 'upload')}.`
      : `Dry run: ${counted(matched.length, 'upload')} would be aborted. Add --yes to abort.`,
  );
  for (const { key, code, message } of failed) call.note(`codex-r2: ${code}: ${printable(key)}: ${message}`);
  if (failed.length > 0) call.exitCode = EXIT.findings;
}

/** The unfinished uploads that are old enough, page by page. */
async function* pendingUploads(
  call: Invocation,
  { bucket, key: prefix }: Location,
  olderThan: string | undefined,
): AsyncGenerator<StorePendingUpload, void, undefined> {
  checkBucket(bucket);
  checkPrefix(prefix);
  const seconds = olderThan === undefined ? 0 : parseSeconds(olderThan, '--older-than');
  // None and 0s are all, also those that a clock that is ahead of ours says begin tomorrow.
  const latest = seconds === 0 ? Infinity : call.io.now() - seconds * 1000;
  const store = call.internals.storeOf(bucket);
  let markers: Markers | undefined;
  do {
    const page = await store.listUploads({ bucket, prefix, ...markers, signal: call.signal });
    yield* page.uploads.filter(({ initiated }) => isOlder(initiated, latest));
    if (page.next !== undefined && isSamePlace(page.next, markers)) {
      throw new CloudflareClientError('R2_FAILED', `R2 list of the uploads of ${bucket}: the listing repeats a page.`);
    }
    markers = page.next;
    await call.io.stdout.drained();
  } while (markers !== undefined && !call.io.stdout.closed);
}

function isSamePlace(one: Markers, other: Markers | undefined): boolean {
  return one.keyMarker === other?.keyMarker && one.uploadIdMarker === other.uploadIdMarker;
}

/** An upload whose time the server does not say (read as 1970) may have begun just now. */
function isOlder(initiated: Date, latest: number): boolean {
  return latest === Infinity || (initiated.getTime() > 0 && initiated.getTime() <= latest);
}

/** Without the id, which fills lines; `--json` has it. */
function lineOf(call: Invocation, { key, initiated }: StorePendingUpload): string {
  const age = formatSeconds((call.io.now() - initiated.getTime()) / 1000);
  return `${formatTime(initiated)}  ${age.padStart(7)}  ${printable(key)}`;
}
