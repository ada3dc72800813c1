import { findFaults, playHistory } from '../../support/lock-history.js';
import type { History, HistoryOptions } from '../../support/lock-history.js';

// A second each, and more where others want the processor too.
jest.setTimeout(120_000);

/** Plays histories of many seeds. */
async function play(seeds: number, options: Omit<HistoryOptions, 'seed' | 'attempts'>): Promise<History[]> {
  const histories: History[] = [];
  for (let seed = 1; seed <= seeds; seed += 1) {
    const history = await playHistory({ seed, attempts: 120, ...options });
    expect({ seed, faults: findFaults(history) }).toEqual({ seed, faults: [] });
    histories.push(history);
  }
  return histories;
}

const count = (histories: History[], of: (history: History) => number): number =>
  histories.reduce((sum, history) => sum + of(history), 0);

// Holders and waiters die, stop and go on as if nothing had been, give up, run out of time; clocks disagree.
describe('random histories of locks', () => {
  it('without faults have no two holders, rising fences and a line that nobody passes', async () => {
    const histories = await play(25, { faultRate: 0, resetEveryMs: undefined });
    expect(
      count(histories, ({ attempts }) => attempts.filter(({ fence }) => fence !== undefined).length),
    ).toBeGreaterThan(1_000);
    expect(count(histories, ({ writes }) => writes.refused)).toBeGreaterThan(50);
  });

  it('with objects that are reset and evicted have the same, and the line stays in its order', async () => {
    const histories = await play(25, { faultRate: 0, resetEveryMs: 2_000 });
    expect(
      count(histories, ({ attempts }) => attempts.filter(({ ticket }) => ticket !== undefined).length),
    ).toBeGreaterThan(500);
  });

  it('with every fourth call going wrong have no two holders and rising fences', async () => {
    const histories = await play(30, { faultRate: 0.25, resetEveryMs: 3_000 });
    expect(count(histories, ({ granted }) => [...granted.values()].flat().length)).toBeGreaterThan(500);
  });
});
