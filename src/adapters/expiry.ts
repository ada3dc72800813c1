import type { KVPutOptionsLike } from '../clients/kv/kv-namespace.js';
import { MAX_TTL_SECONDS, nativeTtl } from '../clients/kv/ttl.js';
import { CloudflareClientError } from '../errors.js';

/** What an adapter keeps in KV metadata: KV's own expiry knows no less than 60 seconds, and does not tell when it wrote. */
export interface EntryTimes {
  /** Milliseconds since the epoch. */
  readonly writtenAt: number;
  /** Milliseconds since the epoch; absent for an entry that is kept. */
  readonly expiresAt?: number;
}

/**
 * When an entry expires that is written now.
 *
 * @param now milliseconds since the epoch.
 * @param ttl a number above 0; `undefined` and `Infinity` stand for an entry that is kept.
 * @param unitMs milliseconds in one unit of `ttl`.
 * @returns milliseconds since the epoch, or `undefined` for never.
 * @throws {CloudflareClientError} `INVALID_TTL`, naming the value.
 */
export function expiryAfter(now: number, ttl: unknown, unitMs: number): number | undefined {
  if (ttl === undefined || ttl === Infinity) return undefined;
  if (typeof ttl === 'number' && ttl > 0) return now + ttl * unitMs;
  const shown = typeof ttl === 'number' ? String(ttl) : `of type ${typeof ttl}`;
  const unit = unitMs === 1 ? 'milliseconds' : 'seconds';
  throw new CloudflareClientError(
    'INVALID_TTL',
    `TTL ${shown} is refused: give ${unit} above 0, or none for no expiry.`,
  );
}

/** The options of a KV write for an entry that expires at `expiresAt`: KV drops it then, or 60 seconds from now if that is later. */
export function entryOptions(now: number, expiresAt: number | undefined): KVPutOptionsLike {
  if (expiresAt === undefined) return { metadata: { writtenAt: now } satisfies EntryTimes };
  return {
    expirationTtl: nativeLifetime(expiresAt - now),
    metadata: { writtenAt: now, expiresAt } satisfies EntryTimes,
  };
}

/** Seconds for which KV is told to keep what lives `lifetimeMs`: never less, and what KV takes. */
export function nativeLifetime(lifetimeMs: number): number {
  return Math.min(nativeTtl(lifetimeMs / 1000), MAX_TTL_SECONDS);
}

/** Reads metadata that came with a value; `null` when an adapter did not write it. */
export function readTimes(metadata: unknown): EntryTimes | null {
  if (typeof metadata !== 'object' || metadata === null) return null;
  const { writtenAt, expiresAt } = metadata as Record<string, unknown>;
  if (!Number.isFinite(writtenAt)) return null;
  return expiresAt === undefined || Number.isFinite(expiresAt) ? (metadata as EntryTimes) : null;
}

/** Whether an entry is past its expiry, though KV may still hold it. One that something else wrote is not. */
export function isExpired(metadata: unknown, now: number): boolean {
  return now >= (readTimes(metadata)?.expiresAt ?? Infinity);
}
