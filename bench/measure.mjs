// Side-by-side timing on a machine that others use as well. Each case runs in a process of its own, so that neither the
// garbage nor the inline caches of one library weigh on another; within it the case and the floor take turns, and what
// counts is the median of their ratios. CPU time of the process, not wall time.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { quantile } from './statistics.mjs';

const ROUNDS = 25;
const WARM_UP_ROUNDS = 5;

/**
 * Measures all cases of a file, or, in the child process that it starts for a case, that one.
 *
 * @param url `import.meta.url` of the file.
 * @param title heading of the table.
 * @param iterations of one turn; `fewer` has other numbers for some cases.
 * @param cases by name, the floor first: functions that prepare and return `(iterations) => void | Promise`.
 */
export async function compare({ url, title, iterations, fewer = {}, cases }) {
  const [floorName, ...names] = Object.keys(cases);
  const asked = process.argv[3];
  if (process.argv[2] === '--case') {
    const count = fewer[asked] ?? iterations;
    process.stdout.write(JSON.stringify(await measure(await cases[floorName](), await cases[asked](), count)));
    return;
  }
  console.log(`\n${title}\n`);
  console.log('| case | CPU us | x floor | quartiles |');
  console.log('| --- | ---: | ---: | ---: |');
  const rows = names.map((name) => {
    const output = execFileSync(process.execPath, [fileURLToPath(url), '--case', name], { encoding: 'utf8' });
    return { name, ...JSON.parse(output) };
  });
  const floor = quantile(rows.map((row) => row.floor), 0.5); // prettier-ignore
  console.log(`| ${floorName} | ${floor.toFixed(2)} | 1.00 | |`);
  for (const { name, time, ratios } of rows) {
    const [low, middle, high] = ratios.map((ratio) => ratio.toFixed(2));
    console.log(`| ${name} | ${time.toFixed(2)} | ${middle} | ${low} to ${high} |`);
  }
}

async function measure(floor, one, iterations) {
  const floors = [];
  const times = [];
  for (let round = 0; round < ROUNDS + WARM_UP_ROUNDS; round += 1) {
    const before = await slice(floor, iterations);
    const time = await slice(one, iterations);
    const after = await slice(floor, iterations);
    if (round < WARM_UP_ROUNDS) continue;
    floors.push((before + after) / 2);
    times.push(time);
  }
  const ratios = times.map((time, round) => time / floors[round]);
  return {
    floor: quantile(floors, 0.5),
    time: quantile(times, 0.5),
    ratios: [0.25, 0.5, 0.75].map((part) => quantile(ratios, part)),
  };
}

async function slice(run, iterations) {
  // A turn of the event loop first: what the turn before left behind is not billed to this one.
  await new Promise((resolve) => setImmediate(resolve));
  const before = process.cpuUsage();
  await run(iterations);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / iterations;
}
