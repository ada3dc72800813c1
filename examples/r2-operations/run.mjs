/* global AbortController */
// Bulk work on R2 against a local S3 server: npm run build && node examples/r2-operations/run.mjs
// Miniflare's server has no lifecycle and no CORS settings; what the library says to that is shown at the end.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Miniflare } from 'miniflare';
import { getLifecycle, isCloudflareClientError, R2Client, replicate, replicateBatch } from '../../dist/index.js';

const MEDIA = 'codex-media';
const BACKUP = 'codex-backup';

/** An account of its own: a server with one bucket. */
async function startAccount(bucket) {
  const credentials = { accessKeyId: 'example'.padEnd(32, '0'), secretAccessKey: `secret-of-${bucket}` };
  const miniflare = new Miniflare({
    modules: true,
    script: 'export default { fetch: () => new Response(null, { status: 404 }) }',
    host: '127.0.0.1',
    port: 0,
    r2Buckets: { BUCKET: { id: bucket, s3Credentials: credentials } },
  });
  const endpoint = new URL('/cdn-cgi/local/r2/s3', await miniflare.ready).href;
  return { client: new R2Client({ accountId: 'example', ...credentials, endpoint }), stop: () => miniflare.dispose() };
}

const [media, backup] = await Promise.all([startAccount(MEDIA), startAccount(BACKUP)]);
const folder = await mkdtemp(join(tmpdir(), 'codex-replication-'));
const file = join(folder, 'checkpoint.json');
const checkpoint = {
  load: () => readFile(file, 'utf8').catch(() => null),
  save: (text) => writeFile(file, text),
};
const ends = { from: { client: media.client, bucket: MEDIA }, to: { client: backup.client, bucket: BACKUP } };

try {
  for (let index = 0; index < 40; index += 1) {
    await media.client.uploadFile({ bucket: MEDIA, key: `c1/hls/m1/segment-${index}.ts`, body: `segment ${index}` });
  }
  const copied = await media.client.copyPrefix({ bucket: MEDIA, prefix: 'c1/hls/m1/', toPrefix: 'c1/hls/m2/' });
  console.log(`copyPrefix: ${copied.copied} of ${copied.matched} objects copied on the server`);

  const controller = new AbortController();
  const stopEarly = ({ totals }) => totals.copied.objects === 30 && controller.abort('enough for now');
  const options = { ...ends, concurrency: 4, checkpoint, checkpointObjects: 5 };
  await replicate({ ...options, signal: controller.signal, onProgress: stopEarly }).catch((error) => {
    console.log(`replicate, stopped in the middle: ${error.code} (${error.cause})`);
  });
  const report = await replicate({ ...options, verify: true });
  console.log(
    `replicate, gone on with: resumed ${report.resumed}, ${report.copied.objects} copied in all, ` +
      `${report.verification.same.objects} verified, complete ${report.complete}`,
  );

  await media.client.deleteFile({ bucket: MEDIA, key: 'c1/hls/m1/segment-0.ts' });
  const dry = await replicate({ ...ends, deleteExtraneous: true, dryRun: true });
  console.log(`dry run: ${dry.extraneous} extraneous, ${dry.deleted} deleted`);

  const event = {
    account: 'example',
    action: 'DeleteObject',
    bucket: MEDIA,
    object: { key: 'c1/hls/m1/segment-0.ts' },
    eventTime: new Date().toISOString(),
  };
  const message = { body: event, attempts: 1, ack: () => undefined, retry: () => undefined };
  const { outcomes } = await replicateBatch({ ...ends, deletions: true }, { messages: [message, message] });
  console.log(`two events of one key: ${outcomes.deleted} acknowledged, the copy is deleted`);

  const deleted = await media.client.deletePrefix({ bucket: MEDIA, prefix: 'c1/hls/m2/' });
  console.log(`deletePrefix: ${deleted.deleted} of ${deleted.matched} deleted`);

  await getLifecycle(media.client, { bucket: MEDIA }).catch((error) => {
    if (isCloudflareClientError(error, 'R2_NOT_SUPPORTED')) console.log(error.message);
  });
} finally {
  await Promise.all([media.stop(), backup.stop()]);
  await rm(folder, { recursive: true });
}
