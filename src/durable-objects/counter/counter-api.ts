/** How a remembered operation is known again. */
export interface RememberedKey {
  /** The caller's own key, 1 to 512 bytes. */
  readonly key: string;
  /** Milliseconds that it is remembered. */
  readonly ttlMs: number;
}

/** Adds to a counter. */
export interface AddOperation {
  readonly kind: 'add';
  readonly operationId: string;
  /** An integer, not 0; negative to take away. */
  readonly by: number;
  /** The least value that may come of it; `null`: none. */
  readonly floor: number | null;
  /** The greatest value that may come of it; `null`: none. */
  readonly max: number | null;
  /** `null`: it is known again by its operation id alone. */
  readonly remember: RememberedKey | null;
}

/** Gives a counter a value, if `expected` is `null` or the value that it has. */
export interface SetOperation {
  readonly kind: 'set';
  readonly operationId: string;
  readonly value: number;
  readonly expected: number | null;
}

/** Forgets a counter: its value and its keys. Answered with the number of shards that it was spread over, as `value`. */
export interface DeleteOperation {
  readonly kind: 'delete';
  readonly operationId: string;
}

/** What can be done to a counter. Sent again with the same id, an operation that was done is not done again. */
export type CounterOperation = AddOperation | SetOperation | DeleteOperation;

/** Operations on one counter, done in their order, each for itself. */
export interface ChangeRequest {
  /** Over how many objects the caller spreads the counter. */
  readonly shards: number;
  readonly operations: readonly CounterOperation[];
}

/**
 * What became of an operation. Only `applied` changed anything, and is remembered.
 *
 * - `refused`: the floor, the maximum or the expected value forbids it.
 * - `out-of-bounds`: the value would be no safe integer.
 * - `conflict`: its key was used for another operation.
 * - `sharded`: it needs the whole value, and the counter was spread over more objects than the caller knows of.
 */
export type ChangeOutcome = 'applied' | 'refused' | 'out-of-bounds' | 'conflict' | 'sharded';

/** What a counter answers to an operation. */
export interface ChangeReply {
  readonly outcome: ChangeOutcome;
  /** The object's value: after the operation, or as it is where nothing was changed. */
  readonly value: number;
  /** Whether the same key was used before for the same operation, by another call. */
  readonly replayed: boolean;
}

/** What a counter is. */
export interface ReadReply {
  /** 0 when there is none. */
  readonly value: number;
  /** The largest number of shards that a writer spread it over; 0 when there was none. */
  readonly shards: number;
}

/** The methods of a counter object. */
export interface CounterApi {
  /** Does operations, and answers to each, in their order. */
  change(request: ChangeRequest): { readonly replies: readonly ChangeReply[]; readonly shards: number };
  /** The value, as of everything that was answered before. */
  read(): ReadReply;
}
