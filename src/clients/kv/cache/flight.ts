/** One read and load under way for a key, with what the callers that join it need. */
export class Flight {
  /** What the first caller was given. Others wait for it, and never for a promise that this caller would have to settle. */
  leader: Promise<unknown> | undefined;
  /** Set when the key was deleted or written meanwhile: what this flight loads is older and must not be stored. */
  isSuperseded = false;
  /** The write under way; it never rejects. */
  writing: Promise<unknown> | undefined;
  /** The JSON of what the first caller was given; `undefined` where that is not what is stored. */
  text: string | undefined;

  /** Waits for the first caller's value, or its error, and makes a copy, so that none can change another's object. */
  async join(): Promise<unknown> {
    const value = await this.leader;
    return this.text === undefined ? copyOf(value) : JSON.parse(this.text);
  }
}

/** A copy of what JSON does not hold; what cannot be copied at all (a function, a stream) is handed out as it is. */
export function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  try {
    return structuredClone(value);
  } catch {
    return value;
  }
}
