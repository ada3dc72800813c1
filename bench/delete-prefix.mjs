// deletePrefix of 20,000 objects on a real S3 server: requests against the theoretical number, and time. Usage: npm run bench -- delete-prefix
import { Miniflare } from 'miniflare';
import { R2Client } from '../dist/index.js';

const COUNT = Number(process.argv[2] ?? 20_000);
const PAGE = 1000;
const BUCKET = 'bench-delete';
const credentials = { accessKeyId: 'bench'.padEnd(32, '0'), secretAccessKey: 'bench-secret' };
// Fills the bucket from inside, which is faster than over HTTP.
const FILL = `export default { async fetch(request, env) {
  const [from, to] = new URL(request.url).search.slice(1).split('-').map(Number);
  const keys = Array.from({ length: to - from }, (_, index) => 'creator-1/hls/' + String(from + index).padStart(6, '0'));
  for (let start = 0; start < keys.length; start += 50) {
    await Promise.all(keys.slice(start, start + 50).map((key) => env.BUCKET.put(key, '')));
  }
  return new Response();
} }`;

const miniflare = new Miniflare({
  modules: true,
  script: FILL,
  compatibilityDate: '2026-07-30',
  host: '127.0.0.1',
  port: 0,
  r2Buckets: { BUCKET: { id: BUCKET, s3Credentials: credentials } },
});
const url = await miniflare.ready;
const endpoint = new URL('/cdn-cgi/local/r2/s3', url).href;
const r2 = new R2Client({ accountId: 'bench', ...credentials, endpoint });

const network = globalThis.fetch;
const requests = { GET: 0, POST: 0, DELETE: 0 };
globalThis.fetch = (input, init) => {
  requests[init.method] += 1;
  return network(input, init);
};

async function fill() {
  for (let from = 0; from < COUNT; from += PAGE) {
    await network(new URL(`/?${from}-${Math.min(from + PAGE, COUNT)}`, url));
  }
}

await fill();
const start = performance.now();
const { deleted, failed } = await r2.deletePrefix({ bucket: BUCKET, prefix: 'creator-1/' });
const seconds = (performance.now() - start) / 1000;
const { GET: lists, POST: deletes, DELETE: others } = requests;
const left = await r2.listFiles({ bucket: BUCKET });
await miniflare.dispose();

const pages = Math.ceil(COUNT / PAGE);
const ratio = (lists + deletes + others) / (2 * pages);
console.log(`\ndeletePrefix of ${COUNT} objects (theoretical: ${pages} lists and as many deletes)`);
console.log(`  ${lists} lists + ${deletes + others} deletes = ${ratio.toFixed(3)} x, ${seconds.toFixed(2)} s`);
if (ratio > 1.1 || deleted !== COUNT || failed.length > 0 || left.length > 0) {
  console.error(
    `Expected at most 1.1 x, and all deleted; ${deleted} were, ${failed.length} failed, ${left.length} are left.`,
  );
  process.exitCode = 1;
}
