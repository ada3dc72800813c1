import { randomBytes } from 'node:crypto';
import { copyFile, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { toWorkerOptions } from '../../local/worker-options.mjs';
import { readWranglerConfig } from '../../local/wrangler-config.mjs';

const HOST = '127.0.0.1';
const PREFERRED_PORT = 8787;
const BACKUP_BUCKET = 'codex-media-backup';
const S3_PATH = '/cdn-cgi/local/r2/s3';
const EXAMPLE = fileURLToPath(new URL('..', import.meta.url));

/**
 * Starts the Worker in workerd, with local stand-ins for its bindings. Its bucket is bound, and there is its S3 endpoint too, which
 * verifies signatures: for links, uploads of browsers, and whoever works on the bucket from outside. So is a second one, for backups.
 */
export async function startServer({ port } = {}) {
  const config = readWranglerConfig(`${EXAMPLE}wrangler.jsonc`);
  const script = await bundle(config.main);
  await copyVendor();
  const chosen = await firstFreePort(port === undefined ? [PREFERRED_PORT, 0] : [port]);
  const url = `http://${HOST}:${chosen}`;
  const r2 = {
    accountId: randomBytes(16).toString('hex'),
    accessKeyId: randomBytes(16).toString('hex'),
    secretAccessKey: randomBytes(32).toString('hex'),
    endpoint: url + S3_PATH,
  };
  const miniflare = new Miniflare(toOptions(config, { script, r2, port: chosen }));
  try {
    await miniflare.ready;
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
  return {
    url,
    miniflare,
    r2,
    bucket: config.vars.MEDIA_BUCKET,
    backupBucket: BACKUP_BUCKET,
    crons: config.triggers.crons,
  };
}

function toOptions(config, { script, r2, port }) {
  const worker = toWorkerOptions(config);
  const { accountId, accessKeyId, secretAccessKey, endpoint } = r2;
  const secrets = {
    R2_ACCOUNT_ID: accountId,
    R2_ACCESS_KEY_ID: accessKeyId,
    R2_SECRET_ACCESS_KEY: secretAccessKey,
    R2_ENDPOINT: endpoint,
    HLS_SECRET: randomBytes(32).toString('base64'),
  };
  const s3Credentials = { accessKeyId, secretAccessKey };
  return {
    host: HOST,
    port,
    handleRuntimeStdio: printWithoutNotes,
    workers: [
      {
        ...worker,
        name: config.name,
        modules: [{ type: 'ESModule', path: 'index.mjs', contents: script }],
        bindings: { ...worker.bindings, ...secrets },
        assets: { directory: `${EXAMPLE}${config.assets.directory}`, routerConfig: { has_user_worker: true } },
      },
      {
        name: 'object-storage',
        modules: true,
        script: 'export default {}',
        compatibilityDate: config.compatibility_date,
        r2Buckets: {
          BUCKET: { id: config.vars.MEDIA_BUCKET, s3Credentials },
          BACKUP: { id: BACKUP_BUCKET, s3Credentials },
        },
      },
    ],
  };
}

/** What the runtime prints, without the notes that are meant for its own makers. */
function printWithoutNotes(stdout, stderr) {
  stdout.pipe(process.stdout, { end: false });
  createInterface({ input: stderr }).on('line', (line) => line.includes('NOSENTRY') || console.error(line));
}

/** The page's player, from the package that the project has anyway. */
async function copyVendor() {
  const target = `${EXAMPLE}public/vendor/`;
  await mkdir(target, { recursive: true });
  await copyFile(createRequire(import.meta.url).resolve('hls.js/dist/hls.light.min.mjs'), `${target}hls.mjs`);
}

/** Bundles the Worker as wrangler does. */
async function bundle(entry) {
  const result = await build({
    entryPoints: [`${EXAMPLE}${entry}`],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    keepNames: true,
    logLevel: 'warning',
  });
  return result.outputFiles[0].text;
}

async function firstFreePort(candidates) {
  for (const candidate of candidates) {
    const port = await tryPort(candidate);
    if (port !== null) return port;
  }
  throw new Error(`Port ${candidates[0]} is taken by another program. Without --port the demo takes a free one.`);
}

function tryPort(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(null));
    probe.listen(port, HOST, () => {
      const { port: found } = probe.address();
      probe.close(() => resolve(found));
    });
  });
}
