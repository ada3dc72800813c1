import { EventOrder } from './event-order.js';
import { LoadFence } from './load-fence.js';
import { RefreshGate } from './refresh-gate.js';
import { SharedLoads } from './shared-loads.js';

/** What the clients of all requests of an isolate know together about one namespace. No value of a request is in it. */
export class IsolateCache {
  readonly order = new EventOrder();
  readonly fence = new LoadFence();
  readonly gate = new RefreshGate();
  readonly loads = new SharedLoads();
  /** When this isolate invalidated a tag or the whole namespace, by marker key. */
  readonly marks = new Map<string, number>();
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
