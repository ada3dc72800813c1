import { CloudflareClientError } from '../../../errors.js';
import type {
  CacheInvalidateEvent,
  CacheKeyFields,
  CacheLoadEvent,
  CacheMissReason,
  CacheRefreshEvent,
  CacheStaleEvent,
  CacheTier,
  EventSink,
} from '../../../events.js';
import { report } from '../../../internal/report.js';
import { keyPrefix, utf8Bytes } from '../key.js';
import type { EntryMetadata } from './cache-entry.js';
import { keyHash } from './key-hash.js';

/** A value about to be served. */
export interface Served {
  readonly tier: CacheTier;
  readonly ageMs: number | null;
  readonly staleMs: number;
  readonly text: string;
  readonly record: EntryMetadata | null;
}

/** Puts what a cache does into events. There is one only where there is a sink, so that events cost nothing without. */
export class CacheReporter {
  readonly #sink: EventSink;
  readonly #eventKeys: 'prefix' | 'hash' | 'raw';
  readonly #now: () => number;

  constructor(sink: EventSink, eventKeys: 'prefix' | 'hash' | 'raw', now: () => number) {
    this.#sink = sink;
    this.#eventKeys = eventKeys;
    this.#now = now;
  }

  /** A fresh value is served. Written for speed: every hit pays for it. */
  hit(key: string, { tier, ageMs, text, record }: Served, startedAt: number): void {
    const type = 'cache.hit' as const;
    const bytes = record?.b ?? utf8Bytes(text);
    const durationMs = this.#since(startedAt);
    const event =
      this.#eventKeys === 'prefix'
        ? { type, keyPrefix: keyPrefix(key), tier, ageMs: ageMs ?? 0, bytes, durationMs }
        : { type, ...this.fields(key), tier, ageMs: ageMs ?? 0, bytes, durationMs };
    report(this.#sink, event);
  }

  /** A stale value is served. */
  stale(key: string, { tier, ageMs, staleMs, text, record }: Served, reason: CacheStaleEvent['reason']): void {
    const bytes = record?.b ?? utf8Bytes(text);
    const event = { type: 'cache.stale' as const, reason, tier, ageMs: ageMs ?? 0, staleMs, bytes };
    report(this.#sink, { ...event, ...this.fields(key) });
  }

  /** Nothing is served. */
  miss(key: string, reason: CacheMissReason, startedAt: number): void {
    report(this.#sink, { type: 'cache.miss', reason, durationMs: this.#since(startedAt), ...this.fields(key) });
  }

  /** A loader ran, and somebody waited for it. */
  load(key: string, outcome: CacheLoadEvent['outcome'], startedAt: number, keys = 1): void {
    report(this.#sink, { type: 'cache.load', outcome, keys, durationMs: this.#since(startedAt), ...this.fields(key) });
  }

  /** A loader ran in the background. */
  refresh(
    key: string,
    about: Pick<CacheRefreshEvent, 'trigger' | 'outcome' | 'keys' | 'error'>,
    startedAt: number,
  ): void {
    const durationMs = this.#since(startedAt);
    report(this.#sink, { type: 'cache.refresh', ...about, durationMs, ...this.fields(key) });
  }

  /** A value was stored. */
  write(key: string, ttlSeconds: number, text: string, startedAt: number): void {
    const durationMs = this.#since(startedAt);
    report(this.#sink, { type: 'cache.write', ttlSeconds, bytes: utf8Bytes(text), durationMs, ...this.fields(key) });
  }

  /** A value was not stored. */
  skip(key: string, reason: string): void {
    report(this.#sink, { type: 'cache.skip', reason, ...this.fields(key) });
  }

  /** Entries were dropped. */
  invalidate(kind: CacheInvalidateEvent['kind'], count: number, startedAt: number): void {
    report(this.#sink, { type: 'cache.invalidate', kind, count, durationMs: this.#since(startedAt) });
  }

  /** A stored value could not be decoded. The codec's own words stay out: they can quote the value. */
  undecodable(key: string, format: string): void {
    const code = 'KV_CORRUPT_VALUE' as const;
    const how = format === '' ? 'JSON' : `format ${format.slice(0, 40)}`;
    const error = new CloudflareClientError(
      code,
      `The value of a key under "${keyPrefix(key)}" could not be read as ${how}.`,
    );
    report(this.#sink, { type: 'cache.error', source: 'cache', operation: 'decode', code, error, ...this.fields(key) });
  }

  /** How events name `key`. */
  fields(key: string): CacheKeyFields {
    const prefix = keyPrefix(key);
    if (this.#eventKeys === 'prefix') return { keyPrefix: prefix };
    return this.#eventKeys === 'hash' ? { keyPrefix: prefix, keyHash: keyHash(key) } : { keyPrefix: prefix, key };
  }

  #since(startedAt: number): number {
    return Math.max(0, this.#now() - startedAt);
  }
}
