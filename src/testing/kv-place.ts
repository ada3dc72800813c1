/** A value as a namespace keeps it. */
export interface StoredValue {
  readonly bytes: Uint8Array;
  /** Seconds since the epoch; `undefined` for what is kept. */
  readonly expiration: number | undefined;
  readonly metadataText: string | undefined;
}

/** Where the operations of a namespace in memory are carried out, once they have been checked. Expiry is not its concern. */
export interface KVPlace {
  /** The time, in milliseconds since the epoch. */
  now(): number;
  /** What a read finds, `undefined` for nothing; `cacheTtlSeconds` is what the read asked for. */
  read(name: string, cacheTtlSeconds: number | undefined): StoredValue | undefined;
  /** Writes; throws where the platform answers 429. */
  write(name: string, value: StoredValue): void;
  /** Deletes. */
  remove(name: string): void;
  /** What a listing finds, in any order. */
  entries(): Iterable<readonly [string, StoredValue]>;
}

/** Whether a value's time is over. */
export function isExpired({ expiration }: StoredValue, nowMs: number): boolean {
  return expiration !== undefined && expiration * 1000 <= nowMs;
}
