import { performance } from 'node:perf_hooks';

/**
 * Runs steps one after another, each with `{ name, run }`, where `run` resolves to a sentence about what was seen and
 * rejects when that was wrong. A step that cannot be run here resolves to `{ skipped: why }`. After a failure the rest is skipped: later steps build on earlier ones.
 */
export async function runSteps(steps, onStep = () => undefined) {
  const results = [];
  let failed = false;
  for (const { name, run } of steps) {
    const result = failed ? { name, outcome: 'skipped', detail: 'not run', ms: 0 } : await runStep(name, run);
    failed ||= result.outcome === 'failed';
    results.push(result);
    onStep(result);
  }
  return { ok: !failed, steps: results };
}

async function runStep(name, run) {
  const start = performance.now();
  const elapsed = () => Math.round(performance.now() - start);
  try {
    const seen = await run();
    if (typeof seen === 'object') return { name, outcome: 'skipped', detail: seen.skipped, ms: elapsed() };
    return { name, outcome: 'passed', detail: seen, ms: elapsed() };
  } catch (error) {
    return { name, outcome: 'failed', detail: firstLine(error), ms: elapsed() };
  }
}

function firstLine(error) {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, 6)
    .join(' ');
}
