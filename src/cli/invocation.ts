import { internalsOf, type R2Internals } from '../clients/r2/r2-internals.js';
import type { R2Client } from '../clients/r2/r2-client.js';
import { clientFromEnv, withoutSecrets } from './credentials.js';
import { printable } from './display.js';
import { EXIT, type ExitCode } from './exit-code.js';
import type { CliIo } from './io.js';
import { NO_PROGRESS, ProgressLine, type Progress } from './progress.js';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly json: boolean;
  readonly debug: boolean;
  readonly progress: boolean;
}

/** One run of the tool: what a command reads and writes through. */
export class Invocation {
  readonly io: CliIo;
  exitCode: ExitCode = EXIT.ok;
  #options: GlobalOptions = { json: false, debug: false, progress: true };
  #client: R2Client | undefined;
  #progress: Progress = NO_PROGRESS;

  constructor(io: CliIo) {
    this.io = io;
  }

  /** Whether programs read the result. */
  get json(): boolean {
    return this.#options.json;
  }

  /** Whether a stack is wanted. */
  get debug(): boolean {
    return this.#options.debug;
  }

  /** Aborts when the user interrupts. */
  get signal(): AbortSignal {
    return this.io.signal;
  }

  /** The account of `R2_*`. */
  get client(): R2Client {
    return (this.#client ??= clientFromEnv(this.io.env));
  }

  /** What that client is made of. */
  get internals(): R2Internals {
    return internalsOf(this.client);
  }

  /** Takes the options that every command has, once they are known. */
  configure(options: GlobalOptions): void {
    this.#options = options;
  }

  /** One line for people; nothing with `--json`. */
  print(line = ''): void {
    if (!this.json) this.#write(`${line}\n`);
  }

  /** One JSON value on a line of its own; nothing without `--json`. */
  emit(value: unknown): void {
    if (this.json) this.#write(`${JSON.stringify(value)}\n`);
  }

  /** The same result for both: `lines` for people, `value` for programs. */
  result(value: unknown, lines: readonly string[]): void {
    this.emit(value);
    for (const line of lines) this.print(line);
  }

  /** A line beside the result, on the standard error. */
  note(line: string): void {
    this.#progress.end();
    // Messages name keys, which may hold escape sequences.
    const lines = withoutSecrets(line, this.io.env).split('\n').map(printable);
    this.io.stderr.write(`${lines.join('\n')}\n`);
  }

  /** Begins to show progress, where a person looks on. */
  startProgress(label: string, unit: 'bytes' | 'items' = 'items'): Progress {
    this.#progress.end();
    const { stderr, now } = this.io;
    const isShown = stderr.isTTY && !this.json && this.#options.progress;
    this.#progress = isShown ? new ProgressLine(stderr, now, { label, unit }) : NO_PROGRESS;
    return this.#progress;
  }

  /** Takes the progress away. */
  endProgress(): void {
    this.#progress.end();
    this.#progress = NO_PROGRESS;
  }

  #write(text: string): void {
    this.#progress.end();
    this.io.stdout.write(text);
  }
}
