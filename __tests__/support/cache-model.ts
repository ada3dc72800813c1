import { MARKER_SECONDS } from '../../src/clients/kv/cache/tags.js';

/** An entry, as a cache without a bug would keep it. */
export interface ModelEntry {
  readonly value: unknown;
  readonly loadedAt: number;
  readonly freshUntil: number;
  readonly tags: readonly string[];
}

/** The options of the client or the call that say what becomes of a value. */
export interface ModelPolicy {
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
}

/** What a lookup finds. */
export type ModelFound =
  | { readonly status: 'fresh' | 'stale'; readonly entry: ModelEntry }
  | { readonly status: 'miss'; readonly reason: 'absent' | 'expired' | 'invalidated' | 'error' };

/** What an isolate knows: its invalidations, the memory that its requests share, and which keys back off. */
export interface ModelIsolate {
  readonly marks: Map<string, number>;
  readonly memory: Map<string, { readonly entry: ModelEntry; readonly until: number }>;
  readonly closedUntil: Map<string, { readonly until: number; readonly hasFailed: boolean }>;
  /** The latest time that an invalidation, or a load after one, was given. */
  lastLoad: number;
  lastInvalidation: number;
}

/** What one client knows, which lives for a request. */
export interface ModelClient {
  readonly isolate: ModelIsolate;
  readonly memo: Map<string, ModelEntry>;
}

/** How the clients are made. */
export interface ModelConfig {
  readonly hasMemo: boolean;
  readonly memorySeconds: number | undefined;
  readonly isClearable: boolean;
  readonly hasBackground: boolean;
  readonly policy: ModelPolicy;
}

export type ModelFault = 'get' | 'put' | 'delete' | 'list';

const CLEARED = 'the whole namespace';
const MIN_KEPT_SECONDS = 60;
const BACKOFF_MS = 5000;
/** How far ahead of the clock an isolate counts on, so that what happens in one millisecond has an order. */

/** A KV namespace and its caches as plain maps: what every call must answer when KV is consistent at once. */
export class CacheModel {
  readonly config: ModelConfig;
  readonly faults = new Set<ModelFault>();
  readonly kv = new Map<string, ModelEntry & { readonly goneAt: number }>();
  /** Invalidations that were written, and so are seen by every isolate. */
  readonly written = new Map<string, { readonly at: number; readonly goneAt: number }>();
  readonly #now: () => number;

  constructor(config: ModelConfig, now: () => number) {
    this.config = config;
    this.#now = now;
  }

  isolate(): ModelIsolate {
    return {
      marks: new Map(),
      memory: new Map(),
      closedUntil: new Map(),
      lastLoad: -Infinity,
      lastInvalidation: -Infinity,
    };
  }

  find(client: ModelClient, key: string, policy: ModelPolicy, tags: readonly string[] = []): ModelFound {
    const near = this.near(client, key);
    const judged = near === undefined ? undefined : this.#judge(client, near, policy, tags);
    if (judged?.status === 'fresh') return judged;
    if (this.faults.has('get')) return { status: 'miss', reason: 'error' };
    const stored = this.kv.get(key);
    if (stored === undefined || this.#now() >= stored.goneAt) return { status: 'miss', reason: 'absent' };
    const found = this.#judge(client, stored, policy, tags);
    if (found.status === 'fresh') this.#keepNear(client, key, stored);
    return found;
  }

  near({ memo, isolate }: ModelClient, key: string): ModelEntry | undefined {
    const own = memo.get(key);
    if (own !== undefined) return own;
    const held = isolate.memory.get(key);
    return held !== undefined && this.#now() < held.until ? held.entry : undefined;
  }

  /** Stores what was loaded, or says that KV refused. */
  store(client: ModelClient, key: string, entry: Omit<ModelEntry, 'freshUntil'>, ttl: number, kept: number): boolean {
    if (this.faults.has('put')) return false;
    const now = this.#now();
    const stored = { ...entry, freshUntil: now + ttl * 1000 };
    // KV counts in whole seconds, and drops nothing before a minute is over.
    const goneAt = (Math.floor(now / 1000) + Math.max(MIN_KEPT_SECONDS, ttl + kept)) * 1000;
    this.kv.set(key, { ...stored, goneAt });
    this.#keepNear(client, key, stored);
    return true;
  }

  forget({ memo, isolate }: ModelClient, key: string): void {
    memo.delete(key);
    isolate.memory.delete(key);
  }

  forgetPrefix({ memo, isolate }: ModelClient, prefix: string): void {
    for (const near of [memo, isolate.memory]) {
      for (const key of [...near.keys()]) if (key.startsWith(prefix)) near.delete(key);
    }
  }

  /** The time of a load that begins at `now`: after every invalidation of its isolate so far. */
  loadTime({ isolate }: ModelClient, now = this.#now()): number {
    const time = Math.max(now, isolate.lastInvalidation + 1);
    isolate.lastLoad = Math.max(isolate.lastLoad, time);
    return time;
  }

  /** Invalidates a tag, or everything; says whether that was written. This isolate knows it either way. */
  invalidate({ isolate }: ModelClient, tag: string | undefined): boolean {
    const now = this.#now();
    isolate.lastInvalidation = Math.max(now, isolate.lastLoad, isolate.lastInvalidation);
    isolate.marks.set(tag ?? CLEARED, isolate.lastInvalidation);
    if (this.faults.has('put')) return false;
    const goneAt = tag === undefined ? Infinity : now + MARKER_SECONDS * 1000;
    this.written.set(tag ?? CLEARED, { at: isolate.lastInvalidation, goneAt });
    return true;
  }

  isUsable({ freshUntil }: ModelEntry, { staleIfError }: ModelPolicy): boolean {
    return this.#now() < freshUntil + staleIfError * 1000;
  }

  canRevalidate({ freshUntil }: ModelEntry, { staleWhileRevalidate }: ModelPolicy): boolean {
    return this.config.hasBackground && this.#now() < freshUntil + staleWhileRevalidate * 1000;
  }

  isClosed({ isolate }: ModelClient, key: string): boolean {
    return this.#now() < (isolate.closedUntil.get(key)?.until ?? -Infinity);
  }

  isBackingOff(client: ModelClient, key: string): boolean {
    return this.isClosed(client, key) && client.isolate.closedUntil.get(key)?.hasFailed === true;
  }

  backOff({ isolate }: ModelClient, key: string): void {
    isolate.closedUntil.set(key, { until: this.#now() + BACKOFF_MS, hasFailed: true });
  }

  /** What was loaded could not be stored: no refresh for a while, though the load did not fail. */
  rest({ isolate }: ModelClient, key: string): void {
    isolate.closedUntil.set(key, { until: this.#now() + BACKOFF_MS, hasFailed: false });
  }

  /** Whether this isolate has invalidated an entry, as far as it knows without reading again. */
  isMarked({ isolate }: ModelClient, entry: ModelEntry, tags: readonly string[]): boolean {
    const names = [...entry.tags, ...tags, ...(this.config.isClearable ? [CLEARED] : [])];
    return names.some((name) => entry.loadedAt <= (isolate.marks.get(name) ?? -Infinity));
  }

  open({ isolate }: ModelClient, key: string): void {
    isolate.closedUntil.delete(key);
  }

  #judge(client: ModelClient, entry: ModelEntry, policy: ModelPolicy, tags: readonly string[]): ModelFound {
    const kept = Math.max(policy.staleIfError, policy.staleWhileRevalidate);
    const staleMs = this.#now() - entry.freshUntil;
    if (staleMs >= 0 && staleMs >= kept * 1000) return { status: 'miss', reason: 'expired' };
    const names = [...entry.tags, ...tags, ...(this.config.isClearable ? [CLEARED] : [])];
    const isInvalid = names.some((name) => entry.loadedAt <= this.#invalidatedAt(client, name));
    if (isInvalid) return { status: 'miss', reason: 'invalidated' };
    return { status: staleMs < 0 ? 'fresh' : 'stale', entry };
  }

  #invalidatedAt({ isolate }: ModelClient, name: string): number {
    const written = this.written.get(name);
    const seen = written === undefined || this.#now() >= written.goneAt ? -Infinity : written.at;
    return Math.max(seen, isolate.marks.get(name) ?? -Infinity);
  }

  #keepNear({ memo, isolate }: ModelClient, key: string, entry: ModelEntry): void {
    const { hasMemo, memorySeconds } = this.config;
    if (hasMemo) memo.set(key, entry);
    if (memorySeconds !== undefined) {
      isolate.memory.set(key, { entry, until: this.#now() + memorySeconds * 1000 });
    }
  }
}
