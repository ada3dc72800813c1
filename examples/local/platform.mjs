import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { corsRules, putCors, R2Client } from '@codex/cloudflare-clients';
import { Miniflare } from 'miniflare';
import { bundleWorker } from './bundle.mjs';
import { applyMigrations } from './migrations.mjs';
import { openObjectStorage, S3_PATH } from './object-storage.mjs';
import { firstFreePort, HOST } from './ports.mjs';
import { createTranscoder } from './transcoder.mjs';
import { bucketsOf, databasesOf, toWorkerOptions } from './worker-options.mjs';
import { readWranglerConfig } from './wrangler-config.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const COORDINATION = `${ROOT}coordination-worker/`;
/** The service that a wrangler.jsonc binds as TRANSCODER: in production a container, here a function of Node. */
const TRANSCODER_SERVICE = 'codex-transcoder';
/** Where R2 tells of originals, as `wrangler r2 bucket notification create` has it told. */
const EVENT_QUEUE = 'media-events';

/**
 * Starts Workers in workerd with local stand-ins for all that they bind, on 127.0.0.1 alone:
 *
 * - the coordination Worker (built: `npm run build`), whose objects are bound by `script_name`;
 * - D1 with the migrations of `migrations_dir` applied, KV, queues with their consumers, services by the name of the Worker;
 * - R2 by binding and by S3: signatures are verified, CORS is enforced by the buckets' rules, uploads in parts are listed;
 * - notifications of R2 in the queue `media-events`, where a Worker consumes it, for all that is stored or deleted by S3 or a binding;
 * - a transcoder behind the service `codex-transcoder`, which runs ffmpeg where there is one.
 *
 * Every Worker gets `R2_ACCOUNT_ID`, `R2_ACCESS_KEY_ID`, `R2_SECRET_ACCESS_KEY`, `R2_ENDPOINT` and `HLS_SECRET`, made for this run, and its
 * `secrets`. What is stored lives in memory, until `stop`.
 *
 * @param options.workers `{ config, root, script, secrets?, assets? }` each: the parsed wrangler.jsonc, the folder that it stands in, the
 * text of the bundled ES module, further variables, and the folder of the static files when it is not the configuration's. The first one
 * answers at `url`.
 * @param options.port of `url`; a free one unless told.
 * @param options.origins of pages that upload straight into the buckets, beside `url` and its `localhost`; `null` leaves the buckets without CORS.
 * @param options.extraBuckets buckets that nobody binds, for replication.
 * @param options.ffmpeg command of ffmpeg; ffprobe is expected beside it.
 * @param options.inspectorPort of workerd's inspector, 0 for a free one; none unless told.
 * @returns `url`, `miniflare`, `r2` (a config for R2Client), `storage` (see `openObjectStorage`), `transcoder` (see `createTranscoder`), `secrets`, and `stop()`, which ends all of it.
 * @throws {Error} when a port is taken, a migration fails, or workerd does not start; nothing keeps running then.
 */
export async function startPlatform({
  workers,
  port = 0,
  origins = [],
  extraBuckets = [],
  ffmpeg = 'ffmpeg',
  inspectorPort,
}) {
  const configs = workers.map(({ config }) => config);
  const chosen = await firstFreePort([port]);
  const url = `http://${HOST}:${chosen}`;
  const bound = bucketsOf(configs);
  const storage = await openObjectStorage({
    upstream: url + S3_PATH,
    buckets: [...new Set([...bound, ...extraBuckets])],
    notifications: hasConsumer(configs, EVENT_QUEUE) ? bound.map((bucket) => ({ bucket, queue: EVENT_QUEUE })) : [],
  });
  const secrets = secretsOf(storage.r2);
  const transcoder = createTranscoder({ r2: new R2Client(storage.r2), ffmpeg });
  const miniflare = new Miniflare({
    host: HOST,
    port: chosen,
    handleRuntimeStdio: printWithoutNotes,
    inspectorPort,
    workers: [
      ...workers.map((worker) => storage.bind(toMiniflareWorker(worker, { secrets, transcoder }))),
      ...(await coordinationWorker(configs)),
      ...storage.workers,
    ],
  });
  const stop = async () => {
    transcoder.stop();
    await storage.stop();
    await miniflare.dispose();
  };
  try {
    await miniflare.ready;
    storage.attach(miniflare);
    await migrate(miniflare, workers);
    if (origins !== null) await allowUploads(storage.r2, bound, [url, `http://localhost:${chosen}`, ...origins]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, miniflare, r2: storage.r2, storage, transcoder, secrets, stop };
}

function toMiniflareWorker({ config, root, script, secrets: own, assets }, { secrets, transcoder }) {
  const options = toWorkerOptions(config);
  const services = Object.entries(options.serviceBindings).map(([binding, service]) => [
    binding,
    service.name === TRANSCODER_SERVICE ? transcoder.fetch : service,
  ]);
  const directory = assets ?? (config.assets && join(root, config.assets.directory));
  return {
    ...options,
    modules: [{ type: 'ESModule', path: 'index.mjs', contents: script }],
    bindings: { ...options.bindings, ...secrets, ...own },
    serviceBindings: Object.fromEntries(services),
    ...(directory !== undefined && { assets: toAssets(config, directory) }),
  };
}

function toAssets({ assets = {} }, directory) {
  return {
    directory,
    ...(assets.binding !== undefined && { binding: assets.binding }),
    routerConfig: { has_user_worker: true, invoke_user_worker_ahead_of_assets: assets.run_worker_first === true },
  };
}

/** The Worker with the objects of the package, when one of the others binds them. */
async function coordinationWorker(configs) {
  const config = readWranglerConfig(`${COORDINATION}wrangler.jsonc`);
  const bindings = configs.flatMap(({ durable_objects: objects }) => objects?.bindings ?? []);
  if (!bindings.some(({ script_name: script }) => script === config.name)) return [];
  const contents = await bundleWorker(`${COORDINATION}${config.main}`);
  return [{ ...toWorkerOptions(config), modules: [{ type: 'ESModule', path: 'index.mjs', contents }] }];
}

async function migrate(miniflare, workers) {
  for (const { binding, workerName, migrations } of databasesOf(workers)) {
    if (migrations === undefined) continue;
    await applyMigrations(await miniflare.getD1Database(binding, workerName), migrations);
  }
}

async function allowUploads(config, buckets, origins) {
  const r2 = new R2Client(config);
  const rules = corsRules({ origins, uppy: 6, read: true });
  for (const bucket of buckets) await putCors(r2, { bucket, mode: 'replace', rules });
}

function secretsOf({ accountId, accessKeyId, secretAccessKey, endpoint }) {
  return {
    R2_ACCOUNT_ID: accountId,
    R2_ACCESS_KEY_ID: accessKeyId,
    R2_SECRET_ACCESS_KEY: secretAccessKey,
    R2_ENDPOINT: endpoint,
    HLS_SECRET: randomBytes(32).toString('base64'),
  };
}

function hasConsumer(configs, queue) {
  return configs.some(({ queues }) => (queues?.consumers ?? []).some((consumer) => consumer.queue === queue));
}

/** What the runtime prints, without the notes that are meant for its own makers. */
function printWithoutNotes(stdout, stderr) {
  stdout.pipe(process.stdout, { end: false });
  createInterface({ input: stderr }).on('line', (line) => line.includes('NOSENTRY') || console.error(line));
}
