/** The longest text of a value, in UTF-16 units: two bytes each at most, and a row of an object holds 2 MB. */
export const MAX_VALUE_LENGTH = 500_000;

/** A change of a value. */
export interface ValueChange {
  /** What the caller calls this change; the object knows it again for a minute, and does it once. */
  readonly operationId: string;
}

/** A value to be deleted. */
export interface DeleteValueRequest extends ValueChange {
  /**
   * For how long nothing is stored here afterwards, in milliseconds; 0 for a key that may be used again. A caller that read the value before it
   * was deleted, and writes what it made of it, would bring it back.
   */
  readonly sealMs: number;
}

/** What became of a value that was to be stored. */
export type SetValueOutcome = 'stored' | 'too-long' | 'sealed';

/** A value to be stored. */
export interface SetValueRequest extends ValueChange {
  /** At most 500,000 UTF-16 units. */
  readonly text: string;
  /** For how long, in milliseconds by the object's clock, above 0; `null` until it is deleted. */
  readonly ttlMs: number | null;
}

/** A counter to be increased by one. */
export interface IncrementValueRequest extends ValueChange {
  /** For how long it counts from its first increment on, in milliseconds, above 0. Later increments do not extend it. */
  readonly ttlMs: number;
}

/** What a value is; `null` when there is none, or its time is over. */
export interface ValueReply {
  readonly text: string | null;
}

/**
 * The methods of an object that holds one text for some time. A counter is a text of digits. No call fails: what an object does not do it
 * says in its answer.
 */
export interface ExpiringValueApi {
  /** The value. Nothing is written. */
  getValue(): ValueReply;
  /** Stores a value in place of what there was, unless it is too long or the object is sealed. */
  setValue(request: SetValueRequest): { readonly outcome: SetValueOutcome };
  /** Deletes the value, if there is one, and then seals the object if that is asked for. */
  deleteValue(request: DeleteValueRequest): { readonly isDeleted: true };
  /** Deletes the value and answers what it was: of many callers one gets it, and gets it again when it asks again. */
  takeValue(request: ValueChange): ValueReply;
  /** Increases the counter; answers the count, or `null` when what is stored is no count, or can be counted no further. */
  incrementValue(request: IncrementValueRequest): { readonly count: number | null };
}
