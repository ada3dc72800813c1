// Everything, or the parts named on the command line. Usage: npm run bench [-- cache-hit cache-tiers stampede kv-operations ...]
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';

const script = (path) => () => execFileSync(process.execPath, [path], { stdio: 'inherit' });

const PARTS = {
  'cache-hit': script('bench/cache-hit.mjs'),
  'cache-tiers': script('bench/cache-tiers.mjs'),
  stampede: script('bench/stampede.mjs'),
  'kv-operations': script('bench/kv-operations.mjs'),
  'cold-start': script('bench/cold-start.mjs'),
  'cached-endpoint': script('bench/cached-endpoint.mjs'),
  'page-view': script('bench/page-view.mjs'),
  'request-scope': script('bench/request-scope.mjs'),
  entries: script('bench/entries.mjs'),
  presign: script('bench/presign.mjs'),
  'presign-workerd': script('bench/presign-workerd.mjs'),
  playlist: script('bench/playlist.mjs'),
  transfer: script('bench/transfer.mjs'),
  'delete-prefix': script('bench/delete-prefix.mjs'),
  replicate: script('bench/replicate.mjs'),
  'rate-limit': script('bench/rate-limit.mjs'),
  locks: script('bench/locks.mjs'),
  counters: script('bench/counters.mjs'),
  sizes: script('scripts/bundle-sizes.mjs'),
  'entry-sizes': script('scripts/entry-sizes.mjs'),
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in PARTS));
if (unknown.length > 0) {
  console.error(`No such part: ${unknown.join(', ')}. There are ${Object.keys(PARTS).join(', ')}.`);
  process.exit(1);
}
console.log(
  `Node ${process.version}, ${cpus().length} cores. Ratios of one run; absolute times depend on the machine.`,
);
for (const name of asked.length > 0 ? asked : Object.keys(PARTS)) PARTS[name]();
