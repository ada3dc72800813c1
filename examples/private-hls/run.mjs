// node examples/private-hls/run.mjs [--port 3000]   after npm run build: starts the Worker and a local R2, and keeps serving.
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { R2Client } from '../../dist/index.js';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const HOST = '127.0.0.1';
const BUCKET = 'codex-media-example';
const FOLDER = 'creator-1/hls/media-1/';
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const { port } = parseArgs({ options: { port: { type: 'string', default: '8788' } } }).values;

const url = `http://${HOST}:${port}`;
const config = {
  accountId: randomBytes(16).toString('hex'),
  accessKeyId: randomBytes(16).toString('hex'),
  secretAccessKey: randomBytes(32).toString('hex'),
  endpoint: `${url}/cdn-cgi/local/r2/s3`,
};
const { outputFiles } = await build({
  entryPoints: [path('worker.ts')],
  bundle: true,
  write: false,
  format: 'esm',
  target: 'es2022',
  conditions: ['workerd', 'worker', 'browser'],
  logLevel: 'warning',
});
const compatibilityDate = '2026-07-30';
const player = readFileSync(path('../../node_modules/hls.js/dist/hls.min.js'), 'utf8');
const miniflare = new Miniflare({
  host: HOST,
  port: Number(port),
  workers: [
    {
      name: 'private-hls',
      routes: [`${HOST}/*`],
      compatibilityDate,
      modules: [{ type: 'ESModule', path: 'worker.mjs', contents: outputFiles[0].text }],
      bindings: {
        R2_ACCOUNT_ID: config.accountId,
        R2_ACCESS_KEY_ID: config.accessKeyId,
        R2_SECRET_ACCESS_KEY: config.secretAccessKey,
        R2_ENDPOINT: config.endpoint,
        MEDIA_BUCKET: BUCKET,
        HLS_SECRET: randomBytes(32).toString('base64'),
      },
    },
    {
      name: 'player',
      routes: [`${HOST}/hls.js`],
      compatibilityDate,
      modules: [
        {
          type: 'ESModule',
          path: 'player.mjs',
          contents:
            'import text from "./hls.txt"; export default { fetch: () => new Response(text, { headers: { "content-type": "text/javascript" } }) };',
        },
        { type: 'Text', path: 'hls.txt', contents: player },
      ],
    },
    {
      name: 'bucket',
      modules: true,
      script: 'export default {}',
      compatibilityDate,
      r2Buckets: {
        BUCKET: {
          id: BUCKET,
          s3Credentials: { accessKeyId: config.accessKeyId, secretAccessKey: config.secretAccessKey },
        },
      },
    },
  ],
});
await miniflare.ready;

const media = path('../worker/media/hls');
const r2 = new R2Client(config);
for (const name of readdirSync(media, { recursive: true })) {
  if (!statSync(`${media}/${name}`).isFile()) continue;
  await r2.uploadFile({ bucket: BUCKET, key: FOLDER + name, body: readFileSync(`${media}/${name}`) });
}
console.log(`The page is at ${url}/`);

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => miniflare.dispose());
