// The app on the local platform, as a process of its own: Jest does not load ES modules. It is told what to do by messages.
import { R2Client } from '@codex/cloudflare-clients';
import { addDemoData } from '../../../examples/sveltekit/local/demo-data.mjs';
import { startApp } from '../../../examples/sveltekit/local/app-platform.mjs';

const platform = await startApp({ adminEmail: 'Boss@codex.example' });
const { people, items } = await addDemoData(platform);
const { miniflare, appName } = platform;
const r2 = new R2Client(platform.r2);

const commands = {
  async sql({ statement, values }) {
    const database = await miniflare.getD1Database('DB', appName);
    const { results } = await database
      .prepare(statement)
      .bind(...values)
      .all();
    return results;
  },
  /** Deletes what a namespace holds under a prefix; answers the keys. */
  async drop({ binding, prefix }) {
    const kv = await miniflare.getKVNamespace(binding, appName);
    const { keys } = await kv.list({ prefix });
    await Promise.all(keys.map(({ name }) => kv.delete(name)));
    return keys.map(({ name }) => name);
  },
  async keys({ binding, prefix }) {
    const kv = await miniflare.getKVNamespace(binding, appName);
    return (await kv.list({ prefix })).keys.map(({ name }) => name);
  },
  /** Asks the app as the host of a certificate. */
  async https({ path, init }) {
    const response = await miniflare.dispatchFetch(`https://codex.example${path}`, { ...init, redirect: 'manual' });
    await response.arrayBuffer();
    return { status: response.status, cookies: response.headers.getSetCookie() };
  },
  async objects({ prefix }) {
    return (await r2.listFiles({ bucket: platform.bucket, prefix })).map(({ key }) => key);
  },
};

process.on('message', async ({ id, command, ...options }) => {
  try {
    process.send?.({ id, value: (await commands[command](options)) ?? null });
  } catch (error) {
    process.send?.({ id, error: String(error) });
  }
});
// Jest has let go of it, or was ended.
process.once('disconnect', () => platform.stop());
process.send({ ready: { url: platform.url, people, items, endpoint: platform.r2.endpoint } });
