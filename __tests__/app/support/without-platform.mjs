/* global Request */
// Asks the built app for pages as a server does that has no platform: no bindings, no context. Prints what came of it as JSON.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const app = process.argv[2];
const load = (path) => import(pathToFileURL(join(app, path)).href);
const { Server } = await load('.svelte-kit/output/server/index.js');
const { manifest } = await load('.svelte-kit/cloudflare-tmp/manifest.js');

const server = new Server(manifest);
await server.init({ env: {} });
const headers = { cookie: `codex-session=${'a'.repeat(64)}` };
const answers = {};
for (const path of ['/login', '/library', '/api/auth/me']) {
  const request = new Request(`http://127.0.0.1${path}`, { headers });
  const response = await server.respond(request, { getClientAddress: () => '127.0.0.1' });
  answers[path] = [response.status, response.headers.get('location')];
}
console.log(JSON.stringify(answers));
