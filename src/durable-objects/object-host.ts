/** The synchronous key-value storage of a SQLite-backed Durable Object: `ctx.storage.kv`. Values are copied in and out. */
export interface ObjectStorage {
  /** The value of a key; `undefined` when there is none. */
  get(key: string): unknown;
  /** Stores a value: one row written. */
  put(key: string, value: unknown): void;
  /** Deletes a key; `false` when there was none. */
  delete(key: string): boolean;
  /** The rows whose keys begin with `prefix`, in the order of their keys; `startAfter`: those behind it; at most `limit`. */
  list(options: {
    readonly prefix: string;
    readonly startAfter?: string;
    readonly limit?: number;
  }): Iterable<[string, unknown]>;
}

/**
 * What a state machine has of the object that it runs in. A machine is synchronous: it reads, decides and writes without waiting,
 * so no other call comes in between; what it writes in one call is stored together or not at all.
 */
export interface ObjectHost {
  /** What outlives the isolate. */
  readonly storage: ObjectStorage;
  /** The object's clock, in milliseconds since the epoch. */
  now(): number;
  /** Asks for `alarm()` at a time in milliseconds since the epoch, in place of an earlier request. Billed as one row written. */
  setAlarm(at: number): void;
  /** Forgets everything that is stored, and the alarm: the object costs nothing from then on. */
  clear(): void;
  /** Calls `fire` after so many milliseconds unless the object is gone by then, which no machine may rely on. Returns what cancels it. */
  setTimer(fire: () => void, ms: number): () => void;
}

/** What every state machine answers when its alarm fires. */
export interface ObjectMachine {
  /** Does what the machine asked for with `setAlarm`. */
  alarm(): void;
}
