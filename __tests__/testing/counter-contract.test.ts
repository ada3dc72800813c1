import { CounterClient, memoryCounters } from '../../src/index.js';
import { counterContract } from '../../src/testing/counter-contract.js';

const namespace = memoryCounters();

describe('counters in memory', () => {
  test.each(counterContract)('$name', ({ run }) => run(new CounterClient(namespace)));

  test.each(counterContract)('$name, a second time', ({ run }) => run(new CounterClient(namespace)));

  test.each(counterContract)('$name, when the object was evicted before each call', ({ run }) => {
    const evicting = memoryCounters({
      faults: ({ name }) => {
        evicting.evict(name);
        return undefined;
      },
    });
    return run(new CounterClient(evicting));
  });
});

describe('the contract', () => {
  it('finds counters that are read, increased and written back', async () => {
    const values = new Map<string, number>();
    const broken = new CounterClient(memoryCounters());
    broken.increment = async (name) => {
      const value = (values.get(name) ?? 0) + 1;
      await Promise.resolve();
      values.set(name, value);
      return { value, applied: true, approximate: false, replayed: false };
    };
    const crowd = counterContract.find(({ name }) => name === '50 increments at once get 50 values');
    await expect(crowd!.run(broken)).rejects.toThrow('expected');
  });

  it('has no two cases of one name', () => {
    expect(new Set(counterContract.map(({ name }) => name)).size).toBe(counterContract.length);
  });
});
