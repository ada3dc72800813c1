import { CacheClient } from '../../src/clients/kv/cache/cache-client.js';
import type { CacheClientOptions } from '../../src/clients/kv/cache/cache-options.js';
import { ManualClock, MemoryKVNamespace, RecordingSink } from '../../src/testing.js';

/** A cache over a double, with a clock, a chance, a sink and a `waitUntil` to look at. */
export function cacheSetup(options: CacheClientOptions = {}) {
  const clock = new ManualClock();
  const kv = new MemoryKVNamespace({ now: clock.now });
  const sink = new RecordingSink();
  const background: Promise<unknown>[] = [];
  const settings: CacheClientOptions = {
    now: clock.now,
    random: () => 0,
    events: sink,
    waitUntil: (work) => void background.push(work),
    ...options,
  };
  /** A client of another request over the same namespace. */
  const client = (more: CacheClientOptions = {}): CacheClient => new CacheClient(kv, { ...settings, ...more });
  /** Waits for what was handed to `waitUntil`, and for what that hands to it. */
  const settle = async (): Promise<void> => {
    while (background.length > 0) await Promise.all(background.splice(0));
  };
  return { clock, kv, sink, cache: client(), client, settle, background };
}

/** A loader that must not run. */
export const neverLoads = (): never => {
  throw new Error('the loader ran');
};

/** A loader that gives `name 1`, `name 2`, ... */
export function counter(name = 'load'): jest.Mock<string, []> {
  let count = 0;
  return jest.fn(() => `${name} ${(count += 1)}`);
}

/** Makes as many calls at once as a race needs. */
export const fifty = <T>(act: (index: number) => T): T[] => Array.from({ length: 50 }, (_, index) => act(index));
