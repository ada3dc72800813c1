import { performance } from 'node:perf_hooks';
import { CacheClient } from '@codex/cloudflare-clients';
import { runSteps } from './runner.mjs';
import { startServer } from './server.mjs';
import { Table } from './table.mjs';
import { createTour } from './tour.mjs';

const REPORT_SECONDS = 86_400;

/**
 * Starts the Worker, runs the tour and leaves its report where the page finds it.
 *
 * @returns the exit status: 0 when every step passed. Without `once` it serves until SIGINT or SIGTERM.
 */
export async function runDemo({ once = false, port, tour = createTour } = {}) {
  const start = performance.now();
  const server = await startServer({ port });
  const stopped = stopSignal();
  try {
    console.log(`The media Worker runs in workerd at ${server.url} (${Math.round(performance.now() - start)} ms).\n`);
    const { steps, showcase } = tour(server);
    const table = new Table(steps.map(({ name }) => name));
    table.head();
    let isStopped = false;
    const stop = stopped.then(() => (isStopped = true));
    // After a signal the steps fail one by one, because their server goes away: nothing to tell.
    const running = runSteps(steps, (result) => isStopped || table.row(result));
    const report = await Promise.race([running, stop.then(() => null)]);
    if (report === null) return 1;
    const totalMs = Math.round(performance.now() - start);
    table.summary(report, totalMs);
    if (!once) {
      await publish(server, { ...report, totalMs, showcase, finishedAt: new Date().toISOString() });
      console.log(`\nThe page is at ${server.url} - stop with Ctrl-C.`);
      await stopped;
    }
    return report.ok ? 0 : 1;
  } finally {
    await server.stop();
  }
}

/** The same client as in the Worker, here in Node over Miniflare's binding. */
async function publish({ miniflare }, report) {
  const cache = new CacheClient(await miniflare.getKVNamespace('CACHE_KV'));
  await cache.set('cache:demo:report', report, REPORT_SECONDS);
}

/** Resolves at the first signal to stop; a second one ends the process at once. */
function stopSignal() {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) {
      // Miniflare's own listener would end the process before the server is disposed.
      process.removeAllListeners(signal);
      process.once(signal, resolve);
    }
  });
}
