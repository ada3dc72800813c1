// Side-by-side timing on a machine that others use as well: cases take turns within a round, and what counts is the ratio
// to the floor measured in the same round, over the median of all rounds. CPU time of this process, not wall time.

/** Runs `cases` ({ name, run }) against the first of them, the floor. */
export async function compare(cases, { rounds = 15, iterations = 20_000, warmUp = 3 } = {}) {
  const ratios = new Map(cases.map(({ name }) => [name, []]));
  const times = new Map(cases.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds + warmUp; round += 1) {
    const floorBefore = await slice(cases[0], iterations);
    for (const one of cases.slice(1)) {
      const time = await slice(one, iterations);
      if (round < warmUp) continue;
      times.get(one.name).push(time);
      ratios.get(one.name).push(time);
    }
    const floor = (floorBefore + (await slice(cases[0], iterations))) / 2;
    if (round < warmUp) continue;
    times.get(cases[0].name).push(floor);
    ratios.get(cases[0].name).push(floor);
    for (const values of ratios.values()) values[values.length - 1] /= floor;
  }
  return cases.map(({ name }) => ({
    name,
    microseconds: median(times.get(name)),
    ratio: median(ratios.get(name)),
    low: quantile(ratios.get(name), 0.25),
    high: quantile(ratios.get(name), 0.75),
  }));
}

async function slice({ run }, iterations) {
  // A turn of the event loop first: garbage and finalizers of the case before are not billed to this one.
  await new Promise((resolve) => setImmediate(resolve));
  const before = process.cpuUsage();
  await run(iterations);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / iterations;
}

/** Prints one table, in the form that docs/performance.md keeps. */
export function printTable(title, rows) {
  console.log(`\n${title}\n`);
  console.log('| case | CPU us | x floor | quartiles |');
  console.log('| --- | ---: | ---: | ---: |');
  for (const { name, microseconds, ratio, low, high } of rows) {
    console.log(
      `| ${name} | ${microseconds.toFixed(2)} | ${ratio.toFixed(2)} | ${low.toFixed(2)} to ${high.toFixed(2)} |`,
    );
  }
}

function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * part)];
}

function median(values) {
  return quantile(values, 0.5);
}
