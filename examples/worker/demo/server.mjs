import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { readWranglerConfig, toMiniflareBindings } from './bindings.mjs';

const HOST = '127.0.0.1';
const PREFERRED_PORT = 8787;
const S3_PATH = '/cdn-cgi/local/r2/s3';
const EXAMPLE = fileURLToPath(new URL('..', import.meta.url));

/**
 * Starts the Worker in workerd, with local stand-ins for its bindings and an R2 bucket behind its S3 endpoint. The bucket
 * is no binding of the Worker: it gets there over HTTP, with signed requests, as it would to R2.
 */
export async function startServer({ port } = {}) {
  const config = readWranglerConfig();
  const script = await bundle(config.main);
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
  return { url, miniflare, r2, bucket: config.vars.MEDIA_BUCKET, crons: config.triggers.crons };
}

function toOptions(config, { script, r2, port }) {
  const worker = toMiniflareBindings(config);
  const { accountId, accessKeyId, secretAccessKey, endpoint } = r2;
  const secrets = {
    R2_ACCOUNT_ID: accountId,
    R2_ACCESS_KEY_ID: accessKeyId,
    R2_SECRET_ACCESS_KEY: secretAccessKey,
    R2_ENDPOINT: endpoint,
  };
  return {
    host: HOST,
    port,
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
        r2Buckets: { BUCKET: { id: config.vars.MEDIA_BUCKET, s3Credentials: { accessKeyId, secretAccessKey } } },
      },
    ],
  };
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
