import type { Command } from 'commander';
import type { R2DeleteFailure } from '../../clients/r2/r2-client.js';
import { counted, formatBytes, printable } from '../display.js';
import { EXIT, UsageError } from '../exit-code.js';
import type { Invocation } from '../invocation.js';
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
    return { ...common, dryRun: false, matched: keys.length, ...(await call.client.deleteFiles({ bucket, keys })) };
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
  { prefix, yes, allowEmptyPrefix, allowUnterminatedPrefix }: RmOptions & { readonly prefix: string },
): Promise<RmResult> {
  const [location = '', ...others] = objects;
  const { bucket, key } = parseLocation(location);
  if (others.length > 0 || key !== '') throw new UsageError('With --prefix give the bucket alone.');
  const options = { bucket, prefix, allowEmptyPrefix, allowUnterminatedPrefix };
  const progress = call.startProgress(`${yes ? 'Deleting' : 'Counting'} ${printable(`${bucket}/${prefix}`)}`);
  const result = await call.client.deletePrefix({ ...options, dryRun: !yes });
  progress.update(result.matched, result.matched);
  return { bucket, prefix, bytes: null, ...result };
}

function report(call: Invocation, result: RmResult): void {
  const { bucket, prefix, dryRun, matched, bytes, deleted, failed } = result;
  call.emit({ bucket, prefix, dryRun, matched, bytes, deleted, failed });
  const size = bytes === null ? '' : ` (${formatBytes(bytes)})`;
  if (dryRun) call.print(`Dry run: ${counted(matched, 'object')}${size} would be deleted. Add --yes to delete.`);
  else call.print(`Deleted ${counted(deleted, 'object')}${size}.`);
  for (const { key, code, message } of failed.slice(0, SHOWN_KEYS)) {
    call.note(`codex-r2: ${code}: ${printable(key)}: ${printable(message)}`);
  }
  if (failed.length > SHOWN_KEYS)
    call.note(`codex-r2: and ${counted(failed.length - SHOWN_KEYS, 'more failure')}; --json names all.`);
  if (failed.length > 0) call.exitCode = EXIT.findings;
}
