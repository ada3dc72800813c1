import type { Command } from 'commander';
import type { R2DeleteFailure } from '../../clients/r2/bulk/bulk-deletion.js';
import { counted, formatBytes, printable } from '../display.js';
import { EXIT, UsageError } from '../exit-code.js';
import type { Invocation } from '../invocation.js';
import { listingPages } from '../listing.js';
import { parseLocation, parseObjectLocation } from '../values.js';

interface RmOptions {
  readonly prefix?: string;
  readonly yes: boolean;
  readonly allowUnterminatedPrefix: boolean;
  readonly allowEmptyPrefix: boolean;
}

/** What was, or would be, deleted. */
interface RmResult {
  readonly bucket: string;
  readonly prefix: string | null;
  readonly dryRun: boolean;
  readonly matched: number;
  readonly bytes: number | null;
  readonly deleted: number;
  readonly failed: readonly R2DeleteFailure[];
}

/** How many keys a dry run names for people; `--json` and `ls` name all. */
const SHOWN_KEYS = 20;

/** `rm`: deletes objects; only says what it would do unless `--yes` is given. */
export function addRm(program: Command, call: Invocation): void {
  program
    .command('rm')
    .description('Delete objects, by key or by prefix. A dry run unless --yes is given.')
    .argument('<objects...>', 'bucket/key, one or more; with --prefix the bucket alone')
    .option('--prefix <prefix>', 'delete everything whose key begins with this; ends in /')
    .option('--yes', 'really delete', false)
    .option('--allow-unterminated-prefix', 'take a prefix that does not end in /', false)
    .option('--allow-empty-prefix', 'take the empty prefix: the whole bucket', false)
    .action(async (objects: string[], options: RmOptions) => {
      const result = await (options.prefix === undefined
        ? removeKeys(call, objects, options)
        : removePrefix(call, objects, { ...options, prefix: options.prefix }));
      report(call, result);
    });
}

async function removeKeys(call: Invocation, objects: readonly string[], { yes }: RmOptions): Promise<RmResult> {
  const locations = objects.map(parseObjectLocation);
  const [{ bucket } = { bucket: '' }] = locations;
  if (locations.some((location) => location.bucket !== bucket)) {
    throw new UsageError('All objects must be of one bucket.');
  }
  const keys = [...new Set(locations.map(({ key }) => key))];
  const common = { bucket, prefix: null, bytes: null };
  if (yes)
    return {
      ...common,
      dryRun: false,
      matched: keys.length,
      ...(await call.client.deleteFiles({ bucket, keys, signal: call.signal })),
    };
  let matched = 0;
  for (const key of keys) {
    const info = await call.client.headFile({ bucket, key });
    if (info !== null) matched += 1;
    call.print(info === null ? `not there: ${printable(key)}` : `would delete ${printable(key)}`);
  }
  return { ...common, dryRun: true, matched, deleted: 0, failed: [] };
}

async function removePrefix(
  call: Invocation,
  objects: readonly string[],
  options: RmOptions & { readonly prefix: string },
): Promise<RmResult> {
  const [location = '', ...others] = objects;
  const { bucket, key } = parseLocation(location);
  if (others.length > 0 || key !== '') throw new UsageError('With --prefix give the bucket alone.');
  checkDeletablePrefix(options);
  const { prefix, allowEmptyPrefix, allowUnterminatedPrefix } = options;
  if (!options.yes) return previewPrefix(call, bucket, prefix);
  const progress = call.startProgress(`Deleting ${printable(`${bucket}/${prefix}`)}`);
  const result = await call.client.deletePrefix({
    bucket,
    prefix,
    allowEmptyPrefix,
    allowUnterminatedPrefix,
    signal: call.signal,
    // The listing runs ahead of the deletion, so the total grows.
    onProgress: ({ matched, deleted, failed }) => progress.update(deleted + failed, matched),
  });
  return { bucket, prefix, bytes: null, ...result };
}

/** The client refuses the same; here the message names the flag that says that it is meant. */
function checkDeletablePrefix({ prefix, allowEmptyPrefix, allowUnterminatedPrefix }: Required<RmOptions>): void {
  if (prefix === '' && !allowEmptyPrefix) {
    throw new UsageError('An empty --prefix deletes the whole bucket; --allow-empty-prefix says that it is meant.');
  }
  if (prefix !== '' && !prefix.endsWith('/') && !allowUnterminatedPrefix) {
    const why = 'does not end in /, so what merely begins like it would go too';
    throw new UsageError(
      `--prefix ${JSON.stringify(prefix)} ${why}; --allow-unterminated-prefix says that it is meant.`,
    );
  }
}

async function previewPrefix(call: Invocation, bucket: string, prefix: string): Promise<RmResult> {
  const progress = call.startProgress(`Listing ${printable(`${bucket}/${prefix}`)}`);
  let matched = 0;
  let bytes = 0;
  for await (const { files } of listingPages(call, { bucket, prefix })) {
    for (const { key } of files.slice(0, Math.max(0, SHOWN_KEYS - matched)))
      call.print(`would delete ${printable(key)}`);
    matched += files.length;
    bytes += files.reduce((sum, { size }) => sum + size, 0);
    progress.update(matched, null);
  }
  if (matched > SHOWN_KEYS) call.print(`... and ${counted(matched - SHOWN_KEYS, 'more object')}`);
  return { bucket, prefix, dryRun: true, matched, bytes, deleted: 0, failed: [] };
}

function report(call: Invocation, result: RmResult): void {
  const { bucket, prefix, dryRun, matched, bytes, deleted, failed } = result;
  call.emit({ bucket, prefix, dryRun, matched, bytes, deleted, failed });
  const size = bytes === null ? '' : ` (${formatBytes(bytes)})`;
  call.endProgress();
  if (dryRun) call.print(`Dry run: ${counted(matched, 'object')}${size} would be deleted. Add --yes to delete.`);
  else call.print(`Deleted ${counted(deleted, 'object')}${size}.`);
  for (const { key, code, message } of failed.slice(0, SHOWN_KEYS)) {
    call.note(`codex-r2: ${code}: ${printable(key)}: ${printable(message)}`);
  }
  if (failed.length > SHOWN_KEYS)
    call.note(`codex-r2: and ${counted(failed.length - SHOWN_KEYS, 'more failure')}; --json names all.`);
  if (failed.length > 0) call.exitCode = EXIT.findings;
}
