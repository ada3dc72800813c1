/** A load under way as other requests see it: a flag and a time, and nothing of the request that loads. */
export class LoadToken {
  /** When it began, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** Set when the key was deleted or written meanwhile: what is loaded is older and must not be stored. */
  isSuperseded = false;

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }
}
