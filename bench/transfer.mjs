// 1 GiB up and down: R2Client, Upload of the AWS SDK, minio-js, each in a process of its own, against one server in another.
// node bench/transfer.mjs [MiB] (after npm run build). Peak memory is over what the process has after it has moved 1 MiB.
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const MIB = 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const PART_BYTES = 8 * MIB;
const WARM_UP_MIB = 1;
const SAMPLE_MS = 5;
const BUCKET = 'bench-media';
const KEY = 'video.mp4';
const CREDENTIALS = { accessKeyId: 'bench'.padEnd(32, '0'), secretAccessKey: 'bench-secret' };

// One chunk again and again: what a source throws away is collected late, and here only what the client holds is of interest.
const chunk = Buffer.alloc(CHUNK_BYTES, 7);

const CASES = {
  'R2Client, upload': ours((r2) => (bytes) => r2.uploadFile({ bucket: BUCKET, key: KEY, body: webStream(bytes) })),
  'R2Client, upload of known length': ours(
    (r2) => (bytes) => r2.uploadFile({ bucket: BUCKET, key: KEY, body: webStream(bytes), contentLength: bytes }),
  ),
  'SDK Upload': sdk(({ Upload }, client) => (bytes) => {
    const params = { Bucket: BUCKET, Key: KEY, Body: Readable.from(chunks(bytes), { objectMode: false }) };
    return new Upload({ client, params, partSize: PART_BYTES, queueSize: 4 }).done();
  }),
  'minio-js, upload': minio(
    (client) => (bytes) => client.putObject(BUCKET, KEY, Readable.from(chunks(bytes), { objectMode: false }), bytes),
  ),
  'R2Client, download': ours(
    (r2) => async (bytes) => drain((await r2.downloadFile({ bucket: BUCKET, key: sized(bytes) })).body),
  ),
  'SDK GetObject': sdk(
    ({ GetObjectCommand }, client) =>
      async (bytes) =>
        drain((await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: sized(bytes) }))).Body),
  ),
  'minio-js, download': minio((client) => async (bytes) => drain(await client.getObject(BUCKET, sized(bytes)))),
};

const [role, ...rest] = process.argv.slice(2);
if (role === 'server') serve();
else if (role === 'case') await runCase(...rest);
else await compare(Number(role ?? 1024));

async function compare(mebibytes) {
  const server = fork(fileURLToPath(import.meta.url), ['server']);
  const port = await new Promise((resolve) => server.once('message', resolve));
  console.log(`${mebibytes} MiB, parts of 8 MiB, 4 at a time (minio-js: as it does)`);
  try {
    for (const name of Object.keys(CASES)) {
      const child = fork(fileURLToPath(import.meta.url), ['case', name, String(port), String(mebibytes)], {
        execArgv: ['--expose-gc'],
      });
      const { extraMib, seconds, cpuSeconds } = await new Promise((resolve, reject) => {
        child.once('message', resolve);
        child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
      });
      console.log(
        `${name.padEnd(34)} ${seconds.toFixed(1).padStart(5)} s ${(mebibytes / seconds).toFixed(0).padStart(5)} MiB/s ` +
          `${cpuSeconds.toFixed(1).padStart(5)} s CPU ${extraMib.toFixed(1).padStart(7)} MiB over baseline`,
      );
    }
  } finally {
    server.kill();
  }
}

async function runCase(name, port, mebibytes) {
  const run = await CASES[name](Number(port));
  await run(WARM_UP_MIB * MIB);
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const start = performance.now();
  const cpu = process.cpuUsage();
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), SAMPLE_MS);
  await run(Number(mebibytes) * MIB);
  clearInterval(timer);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - start) / 1000;
  process.send({ extraMib: (peak - before) / MIB, seconds, cpuSeconds: (user + system) / 1e6 }, () => process.exit(0));
}

function ours(make) {
  return async (port) => {
    const { R2Client } = await import('../dist/index.js');
    return make(new R2Client({ accountId: 'bench', ...CREDENTIALS, endpoint: `http://127.0.0.1:${port}` }));
  };
}

function sdk(make) {
  return async (port) => {
    const [{ S3Client, GetObjectCommand }, { Upload }] = await Promise.all([
      import('@aws-sdk/client-s3'),
      import('@aws-sdk/lib-storage'),
    ]);
    const client = new S3Client({
      region: 'auto',
      endpoint: `http://127.0.0.1:${port}`,
      forcePathStyle: true,
      credentials: CREDENTIALS,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      expectContinueHeader: false,
    });
    return make({ Upload, GetObjectCommand }, client);
  };
}

function minio(make) {
  return async (port) => {
    const { Client } = await import('minio');
    const { accessKeyId: accessKey, secretAccessKey: secretKey } = CREDENTIALS;
    const place = { endPoint: '127.0.0.1', port, useSSL: false, pathStyle: true, region: 'auto' };
    return make(new Client({ ...place, accessKey, secretKey, partSize: PART_BYTES }));
  };
}

/** S3 as far as it is needed, without a disk: tags are true MD5s, a Content-MD5 is compared, content is thrown away or made up. */
function serve() {
  const uploads = new Map();
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1');
    const id = url.searchParams.get('uploadId');
    if (request.method === 'GET' || request.method === 'HEAD') return answer(request, response, url);
    const hash = createHash('md5');
    request.on('data', (data) => hash.update(data));
    request.on('end', () => {
      const digest = hash.digest();
      const sent = request.headers['content-md5'];
      if (request.method === 'PUT' && sent !== undefined && sent !== digest.toString('base64')) {
        return response.writeHead(400).end('<Error><Code>BadDigest</Code></Error>');
      }
      if (request.method === 'PUT') {
        uploads.get(id)?.set(Number(url.searchParams.get('partNumber')), digest);
        return response.writeHead(200, { etag: `"${digest.toString('hex')}"` }).end();
      }
      response.writeHead(200, { 'content-type': 'application/xml' });
      if (url.searchParams.has('uploads')) {
        uploads.set(`u${uploads.size}`, new Map());
        return response.end(
          `<InitiateMultipartUploadResult><UploadId>u${uploads.size - 1}</UploadId></InitiateMultipartUploadResult>`,
        );
      }
      const parts = [...uploads.get(id)].sort(([one], [other]) => one - other).map(([, each]) => each);
      const etag = `${createHash('md5').update(Buffer.concat(parts)).digest('hex')}-${parts.length}`;
      const names = `<Location>http://127.0.0.1/x</Location><Bucket>${BUCKET}</Bucket><Key>${KEY}</Key>`;
      response.end(`<CompleteMultipartUploadResult>${names}<ETag>"${etag}"</ETag></CompleteMultipartUploadResult>`);
    });
  });
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
}

function answer(request, response, url) {
  if (url.searchParams.has('uploads')) {
    const empty = '<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>';
    return response.writeHead(200, { 'content-type': 'application/xml' }).end(empty);
  }
  const bytes = Number(url.pathname.split('/').at(-1));
  const headers = { 'content-length': String(bytes), etag: '"opaque-128"', 'last-modified': new Date(0).toUTCString() };
  response.writeHead(200, headers);
  if (request.method === 'HEAD') return response.end();
  return Readable.from(chunks(bytes), { objectMode: false }).pipe(response);
}

/** The key of an object of so many bytes. */
function sized(bytes) {
  return String(bytes);
}

function* chunks(bytes) {
  for (let sent = 0; sent < bytes; sent += CHUNK_BYTES) yield chunk.subarray(0, Math.min(CHUNK_BYTES, bytes - sent));
}

function webStream(bytes) {
  const source = chunks(bytes);
  return new ReadableStream({
    pull(controller) {
      const { done, value } = source.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

async function drain(stream) {
  let bytes = 0;
  for await (const each of stream) bytes += each.byteLength;
  return bytes;
}
