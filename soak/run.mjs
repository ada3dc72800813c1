// npm run soak                              45 seconds of mixed traffic with faults, then the checks: status 0 or 1
// npm run soak -- --minutes 10 --seed 7     longer, or otherwise; the same seed plans the same requests and faults
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { openHeap } from './heap.mjs';

process.env.MINIFLARE_WORKERD_V8_FLAGS ??= '--single-threaded';
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const EXAMPLE = `${ROOT}examples/worker/`;
const DEFAULT_SECONDS = 45;

try {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      seconds: { type: 'string' },
      seed: { type: 'string' },
      log: { type: 'boolean', default: false },
    },
  });
  process.exitCode = (await run(secondsOf(values), Number(values.seed ?? randomInt(1_000_000)), values.log)) ? 0 : 1;
} catch (error) {
  console.error(`The soak could not run: ${error.stack}`);
  process.exitCode = 1;
}

function secondsOf({ minutes, seconds }) {
  const asked = minutes !== undefined ? Number(minutes) * 60 : Number(seconds ?? DEFAULT_SECONDS);
  if (asked > 0 && asked <= 86_400) return asked;
  throw new Error('--minutes or --seconds must be a number above 0, of a day at most.');
}

async function run(seconds, seed, log) {
  const { runSoak, seededRandom } = await loadSoak();
  const { startPlatform } = await import('../examples/local/platform.mjs');
  const { bundleWorker } = await import('../examples/local/bundle.mjs');
  const { readSample } = await import('../examples/worker/demo/sample.mjs');
  const { readWranglerConfig } = await import('../examples/local/wrangler-config.mjs');
  const config = withOwnObjects(readWranglerConfig(`${EXAMPLE}wrangler.jsonc`));
  const script = await bundleWorker(`${ROOT}soak/worker.ts`);
  // Failures that were injected are logged by the Worker, as they should be: hundreds of lines that say nothing here.
  const { log: write, error: writeError } = console;
  if (!log) console.error = () => undefined;
  const stdout = process.stdout.write;
  const platform = await startPlatform({
    workers: [{ config, root: EXAMPLE, script }],
    ffmpeg: 'no-ffmpeg-in-a-soak',
    inspectorPort: 0,
  });
  const heap = await openHeap(platform.miniflare, config.name);
  if (!log) process.stdout.write = () => true;
  const print = (text) => {
    process.stdout.write = stdout;
    write(text);
    if (!log) process.stdout.write = () => true;
  };
  try {
    const bucket = await platform.miniflare.getR2Bucket('BUCKET_0', 'object-storage');
    return await runSoak(
      {
        url: platform.url,
        seconds,
        seed,
        random: seededRandom(seed),
        sample: readSample(),
        s3: (when, fault) => platform.storage.fault(when, fault),
        async read(key) {
          const object = await bucket.get(key);
          return object === null ? null : new Uint8Array(await object.arrayBuffer());
        },
        memory: () => ({ 'the Worker’s heap': heap.mib(), Node: process.memoryUsage.rss() / 2 ** 20 }),
        // The stand-ins for KV, D1 and R2 grow it with a bare Worker as well.
        shownMemory: () => ({ 'workerd, with all stand-ins': rssMib(workerdPid()) }),
      },
      print,
    );
  } finally {
    process.stdout.write = stdout;
    heap.close();
    await platform.stop();
    console.error = writeError;
  }
}

/** The objects of the soak's own Worker in place of the coordination Worker's, so that they can be reset. */
function withOwnObjects(config) {
  const bindings = config.durable_objects.bindings.map(({ name, class_name: className }) => ({
    name,
    class_name: className,
  }));
  return {
    ...config,
    durable_objects: { bindings },
    migrations: [{ tag: 'soak', new_sqlite_classes: bindings.map((binding) => binding.class_name) }],
  };
}

async function loadSoak() {
  const outfile = `${ROOT}.cache/soak-${process.pid}.mjs`;
  mkdirSync(`${ROOT}.cache`, { recursive: true });
  const contents =
    "export { runSoak } from './soak/soak.ts'; export { seededRandom } from './__tests__/support/seeded.ts';";
  const stdin = { contents, resolveDir: ROOT, loader: 'ts' };
  await build({ stdin, bundle: true, outfile, format: 'esm', platform: 'node', packages: 'external' });
  try {
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(outfile);
  }
}

function workerdPid() {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ');
  return children.find((id) => readFileSync(`/proc/${id}/comm`, 'utf8').includes('workerd'));
}

function rssMib(pid) {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}
