// What the parts that run inside workerd share.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';

const TICKS_A_SECOND = 100;

/** Bundles a Worker as wrangler does; it finds the built package under `./dist` and peers in `bench/node_modules`. */
export async function bundleWorker(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('..', import.meta.url)), sourcefile: 'worker.mjs' },
    nodePaths: [fileURLToPath(new URL('node_modules', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

/** Starts a bundled Worker on a free port of 127.0.0.1. */
export function startWorkerd(script, options = {}) {
  // With few cores workerd can stand still for good when it compiles and collects in the background.
  process.env.MINIFLARE_WORKERD_V8_FLAGS ??= '--single-threaded';
  return new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.mjs', contents: script }],
    compatibilityDate: '2026-07-30',
    host: '127.0.0.1',
    port: 0,
    ...options,
  });
}

/** User and system time of a process, all threads; a hundredth of a second is the finest that Linux tells. */
export function cpuSeconds(id) {
  const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** CPU time of all threads of a process that are alive, in microseconds, as the scheduler accounts for it. */
export function cpuMicroseconds(id) {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${id}/task`)) {
    try {
      nanoseconds += Number(readFileSync(`/proc/${id}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // The thread ended between the two reads.
    }
  }
  return nanoseconds / 1000;
}

/** The process id of the workerd that this process started. */
export function workerdPid() {
  const parent = process.pid;
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ');
  const found = children.find((id) => readFileSync(`/proc/${id}/comm`, 'utf8').includes('workerd'));
  if (found === undefined) throw new Error('No workerd was started.');
  return found;
}
