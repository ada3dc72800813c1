import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Miniflare } from 'miniflare';
import { internalsOf } from '../../../src/clients/r2/r2-internals.js';
import { R2Client } from '../../../src/clients/r2/r2-client.js';
import { startS3Front, type S3Front } from '../../support/s3-front.js';
import { startWorker } from '../../support/worker.js';

const MEDIA = join(__dirname, '../media/private-hls');

/** A bucket with real media that refuses unsigned requests, and a Worker of the built package as its gate. */
export interface HlsStage {
  readonly server: S3Front;
  readonly bucket: string;
  /** Origin of the Worker, which serves the page with the player as well. */
  readonly url: URL;
  stop(): Promise<void>;
}

/** Starts both, stores the media under each of `folders`, and lets pages of the Worker's origin read the bucket. */
export async function startHlsStage(folders: readonly string[]): Promise<HlsStage> {
  const bucket = 'private-hls';
  const server = await startS3Front({ buckets: [bucket] });
  const r2 = new R2Client(server.config);
  for (const folder of folders) {
    for (const name of filesOf(MEDIA)) {
      await r2.uploadFile({ bucket, key: `${folder}${name}`, body: readFileSync(join(MEDIA, name)) });
    }
  }
  const { url, miniflare } = await startGate(server, bucket);
  await allowOrigin(r2, bucket, url.origin);
  server.reset();
  return {
    server,
    bucket,
    url,
    async stop() {
      await miniflare.dispose();
      await server.stop();
    },
  };
}

async function startGate(
  server: S3Front,
  bucket: string,
): Promise<{ readonly url: URL; readonly miniflare: Miniflare }> {
  const { accountId, accessKeyId, secretAccessKey, endpoint } = server.config;
  return startWorker('private-hls-worker.ts', {
    bindings: {
      R2_ENDPOINT: endpoint,
      R2_ACCOUNT_ID: accountId,
      R2_ACCESS_KEY_ID: accessKeyId,
      R2_SECRET_ACCESS_KEY: secretAccessKey,
      BUCKET: bucket,
      HLS_SECRET: 'the secret of this test, 32 bytes and more',
      HLS_OLD_SECRET: 'the older secret, 32 bytes and more than that',
    },
  });
}

/** What an app sets once for its bucket: presigned URLs are of another origin than the page. */
async function allowOrigin(r2: R2Client, bucket: string, origin: string): Promise<void> {
  const url = internalsOf(r2).presigner.presign({ method: 'PUT', bucket, query: { cors: '' }, expiresIn: 60 });
  const rule = `<CORSRule><AllowedOrigin>${origin}</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>`;
  const response = await fetch(url, { method: 'PUT', body: `<CORSConfiguration>${rule}</CORSConfiguration>` });
  if (!response.ok) throw new Error(`CORS: ${response.status} ${await response.text()}`);
}

function filesOf(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => statSync(join(folder, name)).isFile());
}
