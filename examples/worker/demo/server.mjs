import { randomBytes } from 'node:crypto';
import { copyFile, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { bundleWorker } from '../../local/bundle.mjs';
import { startPlatform } from '../../local/platform.mjs';
import { firstFreePort } from '../../local/ports.mjs';
import { readWranglerConfig } from '../../local/wrangler-config.mjs';

const PREFERRED_PORT = 8787;
const EXAMPLE = fileURLToPath(new URL('..', import.meta.url));
/** A Worker of the same account that asks the media Worker by RPC. */
const STUDIO = {
  name: 'codex-studio',
  compatibility_date: '2026-07-30',
  services: [{ binding: 'MEDIA_RPC', service: 'codex-media-worker', entrypoint: 'MediaRpc' }],
};
const STUDIO_SCRIPT = `export default {
  async fetch(request, env) {
    const { method, id } = await request.json();
    return Response.json(await env.MEDIA_RPC[method](id));
  },
}`;

/**
 * Starts the Worker on the local platform, with a second Worker beside it. The bucket's CORS is left to the nightly run.
 *
 * @param options.port of the Worker; 8787 unless told, or a free one.
 * @param options.ffmpeg the transcoder's command.
 */
export async function startServer({ port, ffmpeg } = {}) {
  const config = readWranglerConfig(`${EXAMPLE}wrangler.jsonc`);
  const script = await bundleWorker(`${EXAMPLE}${config.main}`);
  await copyVendor();
  const chosen = await firstFreePort(port === undefined ? [PREFERRED_PORT, 0] : [port]);
  const webhookSecret = randomBytes(32).toString('base64');
  const secrets = { ACCOUNTS_WEBHOOK_SECRET: webhookSecret, PUBLIC_ORIGINS: `http://127.0.0.1:${chosen}` };
  const platform = await startPlatform({
    workers: [
      { config, root: EXAMPLE, script, secrets },
      { config: STUDIO, root: EXAMPLE, script: STUDIO_SCRIPT },
    ],
    port: chosen,
    origins: null,
    extraBuckets: [config.vars.BACKUP_BUCKET],
    ...(ffmpeg !== undefined && { ffmpeg }),
  });
  const [nightly, hourly] = config.triggers.crons;
  const { MEDIA_BUCKET: bucket, BACKUP_BUCKET: backupBucket } = config.vars;
  return { ...platform, webhookSecret, bucket, backupBucket, crons: { nightly, hourly } };
}

/** The page's player, from the package that the project has anyway. */
async function copyVendor() {
  const target = `${EXAMPLE}public/vendor/`;
  await mkdir(target, { recursive: true });
  await copyFile(createRequire(import.meta.url).resolve('hls.js/dist/hls.light.min.mjs'), `${target}hls.mjs`);
}
