// A page that uploads with Uppy 6, and its server:
//
//   npm run build && node examples/uploads/server.mjs [--port 3000]
//
// Without further ado it uses the S3 server of the tests, on this machine. With R2_ACCOUNT_ID, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY and
// R2_BUCKET in the environment it uses R2; the bucket's CORS must then allow http://127.0.0.1:PORT.
/* global Request, Response */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { checkCors, corsRules, createUploadHandler, putCors, R2Client } from '@codex/cloudflare-clients';
import { loadS3Front } from '../local/load-s3-front.mjs';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const here = fileURLToPath(new URL('.', import.meta.url));
const { values } = parseArgs({ options: { port: { type: 'string', default: '3000' } } });
const origin = `http://127.0.0.1:${values.port}`;

const storage = await openStorage();
const { r2, bucket } = storage;
const { problems } = await checkCors(r2, { bucket, origin, uppy: 6 });
for (const { message } of problems) console.warn(message);

const uploads = createUploadHandler(r2, {
  bucket,
  basePath: '/api/uploads',
  allowedTypes: ['video/*', 'audio/*', 'image/*'],
  maxSizeBytes: 1024 ** 3,
  // An app asks its session. Here every visitor is the same creator.
  authorize: () => ({ prefix: 'demo-creator/originals/' }),
  onError: (error) => console.error(error.code, error.message),
});
const script = await build({ entryPoints: [`${here}page.mjs`], bundle: true, write: false, format: 'esm' });

const server = createServer(async (incoming, outgoing) => {
  try {
    const response = await answer(toRequest(incoming));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(Buffer.from(await response.arrayBuffer()));
  } catch (error) {
    console.error(error);
    outgoing.writeHead(500).end();
  }
});
server.listen(Number(values.port), '127.0.0.1', () => console.log(`The page is at ${origin}`));

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    server.closeAllConnections();
    server.close();
    await storage.stop();
  });
}

async function answer(request) {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith('/api/uploads/')) return uploads(request);
  if (pathname === '/api/files') {
    const files = await r2.listFiles({ bucket, prefix: 'demo-creator/originals/' });
    return Response.json(files.map(({ key, size }) => ({ key, size })));
  }
  if (pathname === '/page.mjs') return text(script.outputFiles[0].text, 'text/javascript');
  if (pathname === '/') return text(readFileSync(`${here}index.html`, 'utf8'), 'text/html; charset=utf-8');
  return new Response(null, { status: 404 });
}

function text(body, type) {
  return new Response(body, { headers: { 'content-type': type } });
}

function toRequest(incoming) {
  const { method, url, headers } = incoming;
  const body = method === 'GET' || method === 'HEAD' ? undefined : Readable.toWeb(incoming);
  return new Request(`${origin}${url}`, { method, headers, body, duplex: 'half' });
}

async function openStorage() {
  const { R2_ACCOUNT_ID, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY, R2_BUCKET } = process.env;
  if (R2_ACCOUNT_ID && R2_ACCESS_KEY_ID && R2_SECRET_ACCESS_KEY && R2_BUCKET) {
    const config = { accountId: R2_ACCOUNT_ID, accessKeyId: R2_ACCESS_KEY_ID, secretAccessKey: R2_SECRET_ACCESS_KEY };
    return { r2: new R2Client(config), bucket: R2_BUCKET, stop: () => undefined };
  }
  const { startS3Front } = await loadS3Front();
  const front = await startS3Front({ buckets: ['example-media'] });
  const local = new R2Client(front.config);
  await putCors(local, { bucket: 'example-media', mode: 'replace', rules: corsRules({ origins: [origin], uppy: 6 }) });
  return { r2: local, bucket: 'example-media', stop: () => front.stop() };
}
