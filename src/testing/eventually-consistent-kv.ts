import { CloudflareClientError } from '../errors.js';
import { ColoKV } from './colo-kv.js';
import { ColoPlace } from './colo-place.js';
import type { MemoryKVCounts } from './kv-faults.js';
import type { StoredValue } from './kv-place.js';
import { isExpired } from './kv-place.js';
import type { KVHop } from './kv-versions.js';
import { KVVersions } from './kv-versions.js';

const DEFAULT_CACHE_TTL_SECONDS = 60;
const MIN_CACHE_TTL_SECONDS = 30;

/** Options of `EventuallyConsistentKV`. */
export interface EventuallyConsistentKVOptions {
  /**
   * The clock, in milliseconds since the epoch. Nothing happens by itself: time passes when the clock says so.
   *
   * @default Date.now
   */
  readonly now?: () => number;
  /**
   * Seconds for which a colo is content with its cached copy when a read gives no `cacheTtl`, at least 30.
   *
   * @default 60
   */
  readonly cacheTtlSeconds?: number;
  /**
   * Milliseconds for which a late change can stay unseen: by reads that give no `cacheTtl`, and by listings. What it exceeds
   * `cacheTtlSeconds` by is how long reads without a cached copy go on finding what was there before: "60 seconds or more".
   *
   * @default cacheTtlSeconds * 1000
   */
  readonly maxStalenessMs?: number;
  /**
   * Which changes are late, asked once for each change and colo. What is not late is seen at once, cached copy or not.
   *
   * @default ({ from, to }) => from !== to: a colo sees what was written in it, which is usual and not guaranteed.
   */
  readonly isLate?: (hop: KVHop) => boolean;
  /**
   * Whether a second change of a key within a second is answered with 429, wherever it is made. The documents name writes alone;
   * deletes are counted too, so that nothing relies on their being free.
   *
   * @default true
   */
  readonly writesPerSecondPerKey?: boolean;
}

/**
 * A KV namespace as it is seen from several places at once: one store, and colos that cache what they read in it, what was absent
 * included, and learn late what others wrote (https://developers.cloudflare.com/kv/concepts/how-kv-works/). Miniflare and
 * `MemoryKVNamespace` are strongly consistent, so what is only right there passes its tests; here it does not. It refuses what the
 * platform refuses, and can be made to fail, colo by colo.
 *
 * @example
 * ```ts
 * const clock = new ManualClock();
 * const kv = new EventuallyConsistentKV({ now: clock.now });
 * await kv.colo('ams').put('flag', 'on');
 * await kv.colo('lhr').get('flag'); // 'on', and cached there for a minute
 * clock.advance(1000);
 * await kv.colo('ams').delete('flag');
 * await kv.colo('lhr').get('flag'); // 'on' still
 * clock.advance(59_000);
 * await kv.colo('lhr').get('flag'); // null
 * ```
 */
export class EventuallyConsistentKV {
  /** Milliseconds after which every colo sees a change, by reads that give no `cacheTtl` and by listings. */
  readonly maxStalenessMs: number;
  readonly #options: Required<Pick<EventuallyConsistentKVOptions, 'now' | 'cacheTtlSeconds' | 'writesPerSecondPerKey'>>;
  readonly #versions: KVVersions;
  readonly #colos = new Map<string, ColoKV>();
  readonly #places = new Map<string, ColoPlace>();

  /**
   * Makes an empty namespace.
   *
   * @throws {CloudflareClientError} `INVALID_OPTION` for a cache TTL below 30 seconds, and for a staleness below the cache TTL.
   */
  constructor(options: EventuallyConsistentKVOptions = {}) {
    const { now = Date.now, cacheTtlSeconds = DEFAULT_CACHE_TTL_SECONDS, writesPerSecondPerKey = true } = options;
    const { maxStalenessMs = cacheTtlSeconds * 1000, isLate = ({ from, to }) => from !== to } = options;
    checkBounds(cacheTtlSeconds, maxStalenessMs);
    this.maxStalenessMs = maxStalenessMs;
    this.#options = { now, cacheTtlSeconds, writesPerSecondPerKey };
    const readLagMs = maxStalenessMs - cacheTtlSeconds * 1000;
    this.#versions = new KVVersions(now, { readLagMs, listLagMs: maxStalenessMs, isLate });
  }

  /** The namespace as it is seen in a colo; made when it is first asked for, with nothing cached. */
  colo(name: string): ColoKV {
    let colo = this.#colos.get(name);
    if (colo === undefined) this.#colos.set(name, (colo = this.#open(name)));
    return colo;
  }

  /** The colos that there are, in the order in which they were asked for. */
  get colos(): readonly ColoKV[] {
    return [...this.#colos.values()];
  }

  /** How often each operation was asked for, over all colos. */
  get counts(): Readonly<MemoryKVCounts> {
    const counts: MemoryKVCounts = { get: 0, put: 0, delete: 0, list: 0 };
    for (const colo of this.#colos.values()) {
      for (const operation of Object.keys(counts) as (keyof MemoryKVCounts)[])
        counts[operation] += colo.counts[operation];
    }
    return counts;
  }

  /** The text that was written last, whoever sees it; `null` for what is absent, deleted or expired. Counts as no operation. */
  latest(key: string): string | null {
    const value = this.#versions.latest(key);
    return value === undefined || isExpired(value, this.#options.now()) ? null : new TextDecoder().decode(value.bytes);
  }

  /** Ends all faults in all colos. */
  heal(): void {
    for (const colo of this.#colos.values()) colo.heal();
  }

  #open(name: string): ColoKV {
    const { now, cacheTtlSeconds, writesPerSecondPerKey } = this.#options;
    const onChange = (key: string, value: StoredValue | undefined): void => this.#spread(key, value);
    const shared = { versions: this.#versions, now, cacheTtlSeconds, isLimited: writesPerSecondPerKey, onChange };
    const place = new ColoPlace({ name, ...shared });
    this.#places.set(name, place);
    return new ColoKV(name, place);
  }

  // What is not late is cached where it was made: a later change from elsewhere stays unseen there as well.
  #spread(key: string, value: StoredValue | undefined): void {
    for (const [name, place] of this.#places) {
      if (!this.#versions.isLate(key, name)) place.keep(key, value);
    }
  }
}

function checkBounds(cacheTtlSeconds: number, maxStalenessMs: number): void {
  if (!(cacheTtlSeconds >= MIN_CACHE_TTL_SECONDS)) {
    const message = `Option cacheTtlSeconds ${cacheTtlSeconds} is refused: KV caches for at least ${MIN_CACHE_TTL_SECONDS} seconds.`;
    throw new CloudflareClientError('INVALID_OPTION', message);
  }
  if (!(maxStalenessMs >= cacheTtlSeconds * 1000)) {
    const message = `Option maxStalenessMs ${maxStalenessMs} is refused: a cached copy alone is up to ${cacheTtlSeconds * 1000} ms old.`;
    throw new CloudflareClientError('INVALID_OPTION', message);
  }
}
