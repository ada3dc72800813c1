import { EventOrder } from './event-order.js';
import { InvalidationMarks } from './invalidation-marks.js';
import { LoadFence } from './load-fence.js';
import { RefreshGate } from './refresh-gate.js';
import { SharedLoads } from './shared-loads.js';

/** What the clients of all requests of an isolate know together about one namespace: times, flags, and the texts of shared loads. */
export class IsolateCache {
  readonly order = new EventOrder();
  readonly fence = new LoadFence();
  readonly gate = new RefreshGate();
  readonly loads = new SharedLoads();
  readonly marks = new InvalidationMarks();
}

const caches = new WeakMap<object, IsolateCache>();

/** What this isolate knows about a namespace. Told apart by the binding: other tenants and environments have other ones. */
export function isolateCacheOf(namespace: object): IsolateCache {
  let cache = caches.get(namespace);
  if (cache === undefined) {
    cache = new IsolateCache();
    caches.set(namespace, cache);
  }
  return cache;
}
