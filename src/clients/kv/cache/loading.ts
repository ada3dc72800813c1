import type { CacheRefreshEvent } from '../../../events.js';
import type { EncodedValue } from './cache-codec.js';

/** A load while it runs: whether anybody waits for it, what other requests are given of it, and whether it was stored. */
export class Loading {
  /** Why it runs in the background; `undefined` while its caller waits. */
  trigger: CacheRefreshEvent['trigger'] | undefined;
  /** The text of what was loaded; `undefined` when it failed or has none. Never rejects. */
  readonly encoded: Promise<EncodedValue | undefined>;
  /** Whether the value is in KV now; another's load counts as stored. Never rejects. */
  stored: Promise<boolean> = Promise.resolve(true);
  settle!: (encoded: EncodedValue | undefined) => void;

  constructor(trigger?: CacheRefreshEvent['trigger']) {
    this.trigger = trigger;
    this.encoded = new Promise((resolve) => {
      this.settle = resolve;
    });
  }
}
