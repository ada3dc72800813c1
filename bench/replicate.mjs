// Replicating 5,000 small objects: objects a second, requests an object, and peak extra memory, against loops over the SDK.
// The server is a process of its own that keeps objects in memory and answers after LATENCY_MS, as a network would; it counts
// requests and checks no signature, so that what is measured is the client. Run: node bench/replicate.mjs (after npm run build).
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

const OBJECTS = Number(process.env.BENCH_OBJECTS ?? 5000);
const BYTES = 4096;
const LATENCY_MS = 5;
const SEQUENTIAL_OBJECTS = Math.min(OBJECTS, 1000);
const BATCH = 50;
const CONCURRENCY = 50;

/** Path-style S3: lists, reads, writes, copies. `POST /fill` and `POST /reset` are for the bench. */
function serve() {
  const buckets = { source: new Map(), target: new Map() };
  let requests = 0;
  const answer = async (request, response) => {
    const url = new URL(request.url, 'http://x');
    const [, bucket, ...rest] = url.pathname.split('/');
    const key = rest.map(decodeURIComponent).join('/');
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (request.method === 'POST') {
      if (bucket === 'fill') fill(buckets.source, Number(url.searchParams.get('objects')));
      if (bucket === 'reset') buckets.target.clear();
      response.end(String(requests));
      requests = 0;
      return;
    }
    requests += 1;
    await new Promise((resolve) => setTimeout(resolve, LATENCY_MS));
    if (key === '') return void response.end(listing(buckets[bucket], url.searchParams));
    const copySource = request.headers['x-amz-copy-source'];
    if (request.method === 'PUT') {
      const [from, ...path] = (copySource ?? '').split('/').map(decodeURIComponent);
      const object = copySource ? buckets[from].get(path.join('/')) : toObject(Buffer.concat(chunks));
      buckets[bucket].set(key, object);
      response.setHeader('etag', `"${object.etag}"`);
      return void response.end(copySource && `<CopyObjectResult><ETag>"${object.etag}"</ETag></CopyObjectResult>`);
    }
    const object = buckets[bucket].get(key);
    if (object === undefined) return void response.writeHead(404).end();
    const headers = { etag: `"${object.etag}"`, 'content-type': 'video/mp2t', 'content-length': object.bytes.length };
    response.writeHead(200, { ...headers, 'last-modified': new Date(0).toUTCString() });
    response.end(request.method === 'HEAD' ? undefined : object.bytes);
  };
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
  process.on('message', () => process.exit(0));
}

function fill(bucket, count) {
  bucket.clear();
  for (let index = 0; index < count; index += 1) {
    bucket.set(`c1/hls/${String(index).padStart(6, '0')}.ts`, toObject(Buffer.alloc(BYTES, String(index))));
  }
}

function toObject(bytes) {
  return { bytes, etag: createHash('md5').update(bytes).digest('hex') };
}

function listing(bucket, params) {
  const after = params.get('continuation-token') ?? params.get('start-after') ?? '';
  const keys = [...bucket.keys()].sort().filter((key) => key > after && key.startsWith(params.get('prefix') ?? ''));
  const page = keys.slice(0, 1000);
  const contents = page.map((key) => {
    const { etag, bytes } = bucket.get(key);
    return `<Contents><Key>${key}</Key><ETag>&quot;${etag}&quot;</ETag><Size>${bytes.length}</Size><LastModified>1970-01-01T00:00:00.000Z</LastModified></Contents>`;
  });
  const more = page.length < keys.length;
  const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
  return `<ListBucketResult><KeyCount>${page.length}</KeyCount><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`;
}

const CASES = {
  'loop over the SDK, one by one': { objects: SEQUENTIAL_OBJECTS, run: (setup) => sdkLoop(setup, 1) },
  [`loop over the SDK, Promise.all of ${BATCH}`]: { objects: OBJECTS, run: (setup) => sdkLoop(setup, BATCH) },
  'replicate, streamed to another account': { objects: OBJECTS, run: (setup) => ours(setup, 'other') },
  'replicate, copied on the server': { objects: OBJECTS, run: (setup) => ours(setup, setup.config.accessKeyId) },
  'replicate, nothing to do': { objects: OBJECTS, again: true, run: (setup) => ours(setup, 'other') },
};

async function main() {
  const server = fork(fileURLToPath(import.meta.url), ['server']);
  const port = await new Promise((resolve) => server.once('message', resolve));
  console.log(
    `\nReplicating ${OBJECTS} objects of ${BYTES} bytes, ${LATENCY_MS} ms a request, ${CONCURRENCY} at a time\n`,
  );
  console.log('| way | objects a second | requests an object | extra RSS, MiB |\n| --- | ---: | ---: | ---: |');
  for (const name of Object.keys(CASES)) {
    const child = fork(fileURLToPath(import.meta.url), ['case', name, String(port)]);
    const { perSecond, requests, extraMib } = await new Promise((resolve) => child.once('message', resolve));
    console.log(`| ${name} | ${perSecond.toFixed(0)} | ${requests.toFixed(2)} | ${extraMib.toFixed(0)} |`);
  }
  server.send('stop');
}

async function runCase(name, port) {
  const endpoint = `http://127.0.0.1:${port}`;
  const { objects, run, again } = CASES[name];
  const control = async (path) => Number(await (await fetch(`${endpoint}/${path}`, { method: 'POST' })).text());
  const config = { accountId: 'bench', accessKeyId: 'bench', secretAccessKey: 'bench-secret', endpoint };
  await control('fill?objects=100');
  await run({ config });
  await control(`fill?objects=${objects}`);
  await control('reset');
  if (again) await run({ config });
  await control('count');
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20);
  const start = performance.now();
  await run({ config });
  const seconds = (performance.now() - start) / 1000;
  clearInterval(timer);
  const requests = (await control('count')) / objects;
  process.send({ perSecond: objects / seconds, requests, extraMib: (peak - before) / 1024 ** 2 }, () =>
    process.exit(0),
  );
}

async function ours({ config }, accessKeyId) {
  const { R2Client, replicate } = await import('../dist/index.js');
  const report = await replicate({
    from: { client: new R2Client(config), bucket: 'source' },
    to: { client: new R2Client({ ...config, accessKeyId }), bucket: 'target' },
    concurrency: CONCURRENCY,
  });
  if (!report.complete) throw new Error(JSON.stringify(report.failures[0]));
}

/** What people write: list, get, put; `batch` at a time, and the next batch when all of one are done. */
async function sdkLoop({ config }, batch) {
  const { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client({
    region: 'auto',
    endpoint: config.endpoint,
    forcePathStyle: true,
    credentials: config,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const copy = async ({ Key }) => {
    const { Body, ContentType } = await client.send(new GetObjectCommand({ Bucket: 'source', Key }));
    const bytes = await Body.transformToByteArray();
    await client.send(new PutObjectCommand({ Bucket: 'target', Key, Body: bytes, ContentType }));
  };
  let token;
  do {
    const page = await client.send(new ListObjectsV2Command({ Bucket: 'source', ContinuationToken: token }));
    const contents = page.Contents ?? [];
    for (let start = 0; start < contents.length; start += batch) {
      await Promise.all(contents.slice(start, start + batch).map(copy));
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
}

if (process.argv[2] === 'server') serve();
else if (process.argv[2] === 'case') await runCase(process.argv[3], process.argv[4]);
else await main();
