import { VirtualTime } from './virtual-time.js';

/** Runs a scenario to its end, in time that passes when nothing else is left to do. Nothing may be left that waits. */
export async function inVirtualTime<T>(scenario: (time: VirtualTime) => Promise<T>): Promise<T> {
  const time = new VirtualTime();
  const restore = time.install();
  try {
    const outcome = scenario(time);
    // Awaited below: a failure while time passes is none that nobody heeds.
    outcome.catch(() => undefined);
    await time.run();
    return await Promise.race([outcome, hung()]);
  } finally {
    restore();
  }
}

async function hung(): Promise<never> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  throw new Error('the scenario waits for something that never comes');
}
