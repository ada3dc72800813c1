// What a Worker costs before it answers for the first time: workerd is started for it alone, asked for /api/health, and stopped; what an empty Worker
// takes is subtracted. Workers take turns. CPU of the process is the steady number, wall time the one that a visitor feels. The second table compiles
// and evaluates the same bundles in Node's V8, each in a process of its own.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import workerd from 'workerd';
import { median, quantile } from './statistics.mjs';
import { cpuMicroseconds } from './workerd.mjs';

const STARTS = Number(process.env.BENCH_ROUNDS ?? 25);
const EVALUATIONS = 15;
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const EVALUATE = fileURLToPath(new URL('cold-start/evaluate.mjs', import.meta.url));
const EMPTY = "export default { fetch: () => Response.json({ status: 'ok' }) };";

const WORKERS = {
  empty: 'an empty Worker',
  bare: 'bare bindings: list, session, limit',
  kv: 'this package: the same, KV and objects only',
  example: 'this package: the example Worker, all clients',
  unnamed: 'the same, with keep_names: false in wrangler.jsonc',
};

const sources = {
  empty: EMPTY,
  bare: await bundle('bench/cold-start/bare-worker.mjs'),
  kv: await bundle('bench/cold-start/kv-worker.mjs'),
  example: await bundle('examples/worker/src/index.ts'),
  unnamed: await bundle('examples/worker/src/index.ts', { keepNames: false }),
};
const folder = mkdtempSync(join(tmpdir(), 'cold-start-'));
try {
  print(await measureStarts(), measureEvaluation());
} finally {
  rmSync(folder, { recursive: true });
}

/** Bundled and minified as wrangler does. */
async function bundle(entry, { keepNames = true } = {}) {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, entry)],
    bundle: true,
    write: false,
    minify: true,
    keepNames,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

async function measureStarts() {
  const samples = Object.fromEntries(Object.keys(WORKERS).map((name) => [name, { wall: [], cpu: [] }]));
  for (const [name, source] of Object.entries(sources)) writeFileSync(join(folder, `${name}.mjs`), source);
  for (let turn = -1; turn < STARTS; turn += 1) {
    for (const name of Object.keys(WORKERS)) {
      const { wall, cpu } = await start(name);
      if (turn < 0) continue;
      samples[name].wall.push(wall);
      samples[name].cpu.push(cpu);
    }
  }
  return samples;
}

async function start(name) {
  const config = join(folder, `${name}.capnp`);
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker.mjs", esModule = embed "${name}.mjs")],
  compatibilityDate = "2026-07-30",
);
`,
  );
  const started = performance.now();
  const child = spawn(workerd.default ?? workerd, ['serve', '--control-fd=3', config], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  try {
    const port = await new Promise((resolve, reject) => {
      let text = '';
      child.stdio[3].on('data', (data) => {
        text += data;
        const port = /"port":(\d+)/.exec(text)?.[1];
        if (port !== undefined) resolve(port);
      });
      let told = '';
      child.stderr.on('data', (data) => (told += data));
      child.once('exit', (code) => reject(new Error(`workerd ended with ${code}: ${told}`)));
    });
    const status = await new Promise((resolve, reject) => {
      get(`http://127.0.0.1:${port}/api/health`, { agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      }).on('error', reject);
    });
    if (status !== 200) throw new Error(`${name} answered ${status}.`);
    return { wall: performance.now() - started, cpu: cpuMicroseconds(child.pid) / 1000 };
  } finally {
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  }
}

/** Milliseconds of compilation and of evaluation, medians of processes of their own. */
function measureEvaluation() {
  const samples = Object.fromEntries(Object.keys(WORKERS).map((name) => [name, { compile: [], evaluate: [] }]));
  for (let turn = 0; turn < EVALUATIONS; turn += 1) {
    for (const name of Object.keys(WORKERS)) {
      const args = ['--no-warnings', '--experimental-vm-modules', EVALUATE, join(folder, `${name}.mjs`)];
      const { compile, evaluate } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
      samples[name].compile.push(compile);
      samples[name].evaluate.push(evaluate);
    }
  }
  return samples;
}

function print(starts, evaluations) {
  const over = (name, what) => median(starts[name][what]) - median(starts.empty[what]);
  console.log(
    `\nCold start in workerd: from the start of the process to its first answer, medians of ${STARTS} in turns\n`,
  );
  console.log(
    '| Worker | min kB | gzip kB | CPU ms | over empty | x bare | wall ms | quartiles | over empty | x bare |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const [name, title] of Object.entries(WORKERS)) {
    const { wall, cpu } = starts[name];
    const bytes = readFileSync(join(folder, `${name}.mjs`));
    const ratio = (what) =>
      name === 'empty' ? '' : (median(wallOrCpu(name, what)) / median(wallOrCpu('bare', what))).toFixed(2);
    const wallOrCpu = (which, what) => starts[which][what];
    console.log(
      `| ${title} | ${(bytes.length / 1000).toFixed(1)} | ${(gzipSync(bytes, { level: 9 }).length / 1000).toFixed(1)} | ` +
        `${median(cpu).toFixed(1)} | ${over(name, 'cpu').toFixed(1)} | ${ratio('cpu')} | ${median(wall).toFixed(1)} | ` +
        `${[0.25, 0.75].map((part) => quantile(wall, part).toFixed(0)).join(' to ')} | ${over(name, 'wall').toFixed(1)} | ${ratio('wall')} |`,
    );
  }
  console.log(`\nThe same bundles in V8 of Node ${process.version}, medians of ${EVALUATIONS} processes each\n`);
  console.log('| Worker | compile ms | evaluate ms | both | over bare |');
  console.log('| --- | ---: | ---: | ---: | ---: |');
  const both = (name) =>
    median(evaluations[name].compile.map((each, index) => each + evaluations[name].evaluate[index]));
  for (const [name, title] of Object.entries(WORKERS)) {
    const { compile, evaluate } = evaluations[name];
    console.log(
      `| ${title} | ${median(compile).toFixed(2)} | ${median(evaluate).toFixed(2)} | ${both(name).toFixed(2)} | ${(both(name) - both('bare')).toFixed(2)} |`,
    );
  }
}
