import type { Command } from 'commander';
import type { R2StorageClass, StoreListed } from '../../clients/r2/store/object-store.js';
import { formatBytes, formatCount, printable, table } from '../display.js';
import { NotFoundError } from '../exit-code.js';
import type { Invocation } from '../invocation.js';
import { listingPages } from '../listing.js';
import { parseLocation, type Location } from '../values.js';

/** How much there is of something. */
interface Usage {
  objects: number;
  bytes: number;
  readonly storageClasses: Partial<Record<R2StorageClass, { objects: number; bytes: number }>>;
}

/** `du`: how much is stored under each folder of a prefix. */
export function addDu(program: Command, call: Invocation): void {
  program
    .command('du')
    .description('Add up objects and bytes per first-level folder of a prefix, and per storage class.')
    .argument('<location>', 'bucket, or bucket/prefix')
    .action((location: string) => du(call, parseLocation(location)));
}

async function du(call: Invocation, { bucket, key: prefix }: Location): Promise<void> {
  const folders = new Map<string, Usage>();
  const total = nothing();
  const progress = call.startProgress(`Listing ${printable(`${bucket}/${prefix}`)}`);
  for await (const { files } of listingPages(call, { bucket, prefix })) {
    for (const file of files) {
      const folder = folderOf(file.key, prefix);
      const usage = folders.get(folder) ?? nothing();
      folders.set(folder, usage);
      add(usage, file);
      add(total, file);
    }
    progress.update(total.objects, null);
  }
  call.endProgress();
  if (total.objects === 0 && prefix !== '') {
    throw new NotFoundError(`Nothing in ${bucket} begins with ${JSON.stringify(prefix)}.`);
  }
  const rows = [...folders].sort(([, one], [, other]) => other.bytes - one.bytes);
  call.emit({ bucket, prefix, folders: rows.map(([name, usage]) => ({ prefix: name, ...usage })), total });
  for (const line of table([...rows.map(toRow), toRow(['total', total])], [true, true, false, false])) call.print(line);
}

/** Up to the first `/` after the prefix; the prefix itself for what has none. */
function folderOf(key: string, prefix: string): string {
  const slash = key.indexOf('/', prefix.length);
  return slash === -1 ? prefix : key.slice(0, slash + 1);
}

function toRow([name, { objects, bytes, storageClasses }]: readonly [string, Usage]): string[] {
  const infrequent = storageClasses.STANDARD_IA;
  const cold = infrequent === undefined ? '' : `(${formatBytes(infrequent.bytes)} in Infrequent Access)`;
  return [formatBytes(bytes), formatCount(objects), name === '' ? '(no folder)' : printable(name), cold];
}

function add(usage: Usage, { size, storageClass = 'STANDARD' }: StoreListed): void {
  const ofClass = (usage.storageClasses[storageClass] ??= { objects: 0, bytes: 0 });
  for (const sum of [usage, ofClass]) {
    sum.objects += 1;
    sum.bytes += size;
  }
}

function nothing(): Usage {
  return { objects: 0, bytes: 0, storageClasses: {} };
}
