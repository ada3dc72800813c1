import type { CacheRefreshEvent } from '../../../events.js';
import type { EncodedValue } from './cache-codec.js';

/** A load while it runs: whether anybody waits for it, and what other requests are given of it. */
export class Loading {
  /** Why it runs in the background; `undefined` while its caller waits. */
  trigger: CacheRefreshEvent['trigger'] | undefined;
  readonly encoded: Promise<EncodedValue | undefined>;
  settle!: (encoded: EncodedValue | undefined) => void;

  constructor(trigger?: CacheRefreshEvent['trigger']) {
    this.trigger = trigger;
    this.encoded = new Promise((resolve) => {
      this.settle = resolve;
    });
  }
}
