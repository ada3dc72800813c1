/** A stream that the command writes to. */
export interface CliStream {
  /** Never throws; what is written after the reader has gone is dropped. */
  write(text: string): void;
  /** Resolves when the reader has taken what was written, or has gone. */
  drained(): Promise<void>;
  readonly isTTY: boolean;
  /** Columns of the terminal now; `undefined` when there is none. */
  readonly columns: number | undefined;
  /** Whether the reader has gone, as `head` does. */
  readonly closed: boolean;
}

/** Everything that a command takes from the world around it but R2. */
export interface CliIo {
  readonly stdout: CliStream;
  readonly stderr: CliStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Version of the package. */
  readonly version: string;
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Reads a text file; `-` is the standard input. */
  readonly readFile: (path: string) => Promise<string>;
  /** Replaces a text file, and makes its folder; nobody sees it half-written. */
  readonly writeFile: (path: string, text: string) => Promise<void>;
}
