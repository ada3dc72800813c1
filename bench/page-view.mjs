// What one page view of the example Worker asks of its bindings: counted, not timed. An invocation has 1,000 operations on KV, and 1,000 subrequests
// in all (50 on the Free plan). Before the answer: what the visitor waits for; after it: what waitUntil does.
import { fileURLToPath } from 'node:url';
import { bundleWorker } from '../examples/local/bundle.mjs';
import { startPlatform } from '../examples/local/platform.mjs';
import { readWranglerConfig } from '../examples/local/wrangler-config.mjs';
import { readSample } from '../examples/worker/demo/sample.mjs';

process.env.MINIFLARE_WORKERD_V8_FLAGS ??= '--single-threaded';
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EXAMPLE = `${ROOT}examples/worker/`;
const KINDS = ['kv', 'object', 'database', 'r2', 'queue'];

const platform = await startPlatform({
  workers: [
    {
      config: readWranglerConfig(`${EXAMPLE}wrangler.jsonc`),
      root: EXAMPLE,
      script: await bundleWorker(`${ROOT}bench/page-view/worker.ts`),
    },
  ],
  ffmpeg: 'no-ffmpeg-in-a-bench',
});
try {
  await count();
} finally {
  await platform.stop();
}

async function count() {
  const visitor = { cookie: '' };
  const rows = [];
  const view = async (title, method, path, json) => {
    const answer = await ask(visitor, method, path, json);
    if (title !== null) rows.push([title, answer.counts]);
    return answer;
  };
  const person = { email: 'ada@example.com', name: 'Ada', password: 'correct horse battery staple' };
  const { id: creatorId } = (await view(null, 'POST', '/api/signup', person)).body;
  await view('log in', 'POST', '/api/login', { email: person.email, password: person.password });
  const { id: mediaId } = (await view(null, 'POST', '/api/media', { title: 'A film' })).body;
  for (const { folder, path, bytes } of readSample()) {
    if (folder === 'hls') await ask(visitor, 'PUT', `/api/media/${mediaId}/${folder}/${path}`, undefined, bytes);
  }
  await view('publish', 'POST', `/api/media/${mediaId}/publish`);
  const list = `/api/creators/${creatorId}/media`;
  await view('list page, cold', 'GET', list);
  await view('list page, warm', 'GET', list);
  await view('signed-in page, session in the cache', 'GET', '/api/me');
  await dropSessions();
  await view('signed-in page, session from the database', 'GET', '/api/me');
  await view('play page, cold', 'GET', `/api/media/${mediaId}/play`);
  const { body } = await view('play page, warm', 'GET', `/api/media/${mediaId}/play`);
  await view('HLS: a playlist by its token', 'GET', body.url);
  await view('log out', 'POST', '/api/logout');
  console.log(`\nOperations of a page view of examples/worker: before the answer (+ after it)\n`);
  console.log(`| page | ${KINDS.join(' | ')} | subrequests |\n| --- |${' ---: |'.repeat(KINDS.length + 1)}`);
  for (const [title, { before, after }] of rows) {
    const cell = (of) => {
      const later = of(after) - of(before);
      return later > 0 ? `${of(before)} + ${later}` : String(of(before));
    };
    const cells = KINDS.map((kind) => cell((counts) => counts[kind] ?? 0));
    const all = cell((counts) => Object.values(counts).reduce((sum, each) => sum + each, 0));
    console.log(`| ${title} | ${cells.join(' | ')} | ${all} |`);
  }
}

async function ask(visitor, method, path, json, body) {
  const headers = { cookie: visitor.cookie, ...(json !== undefined && { 'content-type': 'application/json' }) };
  const content = json === undefined ? body : JSON.stringify(json);
  const response = await fetch(platform.url + path, { method, headers, body: content });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  visitor.cookie = response.headers.get('set-cookie')?.split(';')[0] ?? visitor.cookie;
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return { body: isJson ? JSON.parse(text) : text, counts: JSON.parse(response.headers.get('x-counts')) };
}

/** As if their entries had run out. */
async function dropSessions() {
  const kv = await platform.miniflare.getKVNamespace('AUTH_SESSION_KV');
  for (const { name } of (await kv.list({ prefix: 'session:' })).keys) await kv.delete(name);
}
