import type { Command } from 'commander';
import type { StoreListed } from '../../clients/r2/store/object-store.js';
import { listBuckets } from '../buckets.js';
import { counted, formatBytes, formatTime, printable } from '../display.js';
import { NotFoundError } from '../exit-code.js';
import type { Invocation } from '../invocation.js';
import { listingPages } from '../listing.js';
import { parseInteger, parseLocation, type Location } from '../values.js';

interface LsOptions {
  readonly recursive: boolean;
  readonly delimiter: string;
  readonly limit?: string;
}

const SIZE_COLUMNS = 10;
const TIME_COLUMNS = 20;

/** `ls`: buckets, or objects and folders of one. */
export function addLs(program: Command, call: Invocation): void {
  program
    .command('ls')
    .description('List buckets, or objects and folders under a prefix.')
    .argument('[location]', 'bucket, or bucket/prefix; without it: all buckets')
    .option('-r, --recursive', 'list all objects, not folders', false)
    .option('--delimiter <text>', 'what ends the name of a folder', '/')
    .option('--limit <n>', 'list so many entries at most')
    .action((location: string | undefined, options: LsOptions) => {
      return location === undefined ? lsBuckets(call) : lsObjects(call, parseLocation(location), options);
    });
}

async function lsBuckets(call: Invocation): Promise<void> {
  for (const { name, createdAt } of await listBuckets(call)) {
    call.emit({ type: 'bucket', name, createdAt: createdAt?.toISOString() ?? null });
    call.print(`${(createdAt === null ? '-' : formatTime(createdAt)).padEnd(TIME_COLUMNS)}  ${name}`);
  }
}

async function lsObjects(call: Invocation, { bucket, key: prefix }: Location, options: LsOptions): Promise<void> {
  const limit =
    options.limit === undefined
      ? undefined
      : parseInteger(options.limit, '--limit', { min: 1, max: Number.MAX_SAFE_INTEGER });
  const delimiter = options.recursive ? undefined : options.delimiter;
  const summary = { folders: 0, objects: 0, bytes: 0, truncated: false };
  for await (const { files, prefixes, token } of listingPages(call, { bucket, prefix, delimiter, limit })) {
    prefixes.forEach((folder) => showFolder(call, folder));
    files.forEach((file) => showFile(call, file));
    summary.folders += prefixes.length;
    summary.objects += files.length;
    summary.bytes += files.reduce((sum, { size }) => sum + size, 0);
    summary.truncated = token !== undefined;
  }
  call.emit({ type: 'summary', bucket, prefix, ...summary });
  if (summary.folders + summary.objects === 0 && prefix !== '') {
    throw new NotFoundError(`Nothing in ${bucket} begins with ${JSON.stringify(prefix)}.`);
  }
  if (call.io.stdout.isTTY) call.print(summaryLine(summary));
}

function showFolder(call: Invocation, prefix: string): void {
  call.emit({ type: 'prefix', prefix });
  call.print(`${'-'.padStart(SIZE_COLUMNS)}  ${' '.repeat(TIME_COLUMNS)}     ${printable(prefix)}`);
}

function showFile(call: Invocation, { key, size, etag, lastModified, storageClass = 'STANDARD' }: StoreListed): void {
  call.emit({ type: 'object', key, size, etag, lastModified: lastModified.toISOString(), storageClass });
  const mark = storageClass === 'STANDARD' ? '  ' : 'IA';
  call.print(`${formatBytes(size).padStart(SIZE_COLUMNS)}  ${formatTime(lastModified)}  ${mark} ${printable(key)}`);
}

function summaryLine(summary: { folders: number; objects: number; bytes: number; truncated: boolean }): string {
  const folders = summary.folders === 0 ? '' : `${counted(summary.folders, 'folder')}, `;
  const more = summary.truncated ? ' (there are more)' : '';
  return `${folders}${counted(summary.objects, 'object')}, ${formatBytes(summary.bytes)}${more}`;
}
