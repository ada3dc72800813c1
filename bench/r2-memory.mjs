// Peak extra memory of a 256 MiB upload and download through R2Client: node bench/r2-memory.mjs (after npm run build).
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MIB = 1024 * 1024;
const SIZE_BYTES = 256 * MIB;
const CHUNK_BYTES = 64 * 1024;
const BUCKET = 'bench-media';
const SAMPLE_MS = 5;

if (process.argv[2] === 'server') await serve();
else await measure();

/** The S3 server lives in a process of its own, so that its memory is not counted. */
async function serve() {
  const { Miniflare } = await import('miniflare');
  const credentials = { accessKeyId: 'bench'.padEnd(32, '0'), secretAccessKey: 'bench-secret' };
  const miniflare = new Miniflare({
    modules: true,
    script: 'export default { fetch: () => new Response(null, { status: 404 }) }',
    host: '127.0.0.1',
    port: 0,
    r2Buckets: { BUCKET: { id: BUCKET, s3Credentials: credentials } },
  });
  const endpoint = new URL('/cdn-cgi/local/r2/s3', await miniflare.ready).href;
  process.send({ accountId: 'bench', ...credentials, endpoint });
  process.on('message', async () => {
    await miniflare.dispose();
    process.exit(0);
  });
}

async function measure() {
  const server = fork(fileURLToPath(import.meta.url), ['server']);
  const config = await new Promise((resolve) => server.once('message', resolve));
  const { R2Client } = await import('../dist/index.js');
  const r2 = new R2Client(config);
  await r2.uploadFile({ bucket: BUCKET, key: 'warm-up', body: generated(16 * MIB) });
  await drain((await r2.downloadFile({ bucket: BUCKET, key: 'warm-up' })).body);

  const unknown = () => r2.uploadFile({ bucket: BUCKET, key: 'big', body: generated(SIZE_BYTES) });
  const known = () =>
    r2.uploadFile({ bucket: BUCKET, key: 'big', body: generated(SIZE_BYTES), contentLength: SIZE_BYTES });
  const download = async () => drain((await r2.downloadFile({ bucket: BUCKET, key: 'big' })).body);
  const work = { 'upload, unknown length': unknown, 'upload, known length': known, download };
  for (const [name, run] of Object.entries(work)) {
    const { extraMib, seconds } = await peakOf(run);
    console.log(
      `${name.padEnd(24)} ${extraMib.toFixed(1).padStart(6)} MiB extra RSS at its peak, ${seconds.toFixed(1)} s`,
    );
  }
  server.send('stop');
}

async function peakOf(run) {
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const start = performance.now();
  let peak = before;
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), SAMPLE_MS);
  await run();
  clearInterval(timer);
  return { extraMib: (peak - before) / MIB, seconds: (performance.now() - start) / 1000 };
}

// One chunk again and again: what a source throws away is collected late (a bare fetch of fresh chunks peaks at 250 MiB),
// and here only what the client holds is of interest.
function generated(bytes) {
  const chunk = new Uint8Array(CHUNK_BYTES).fill(7);
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent >= bytes) return controller.close();
      controller.enqueue(chunk.subarray(0, Math.min(CHUNK_BYTES, bytes - sent)));
      sent += CHUNK_BYTES;
    },
  });
}

async function drain(stream) {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.byteLength;
  return bytes;
}
