import { readFile } from 'node:fs/promises';
import type { CliIo, CliStream } from '../../src/cli/io.js';
import { replaceFile } from '../../src/cli/replace-file.js';
import { runCli } from '../../src/cli/run-cli.js';
import type { S3Server } from '../support/s3-server.js';

/** What one run wrote and ended with. */
export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The world that a run gets. */
export interface CliWorld {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Columns of a terminal; without them nobody looks on. */
  readonly columns?: number;
  readonly signal?: AbortSignal;
  readonly now?: () => number;
  readonly stdin?: string;
  /** Lines of standard output after which the reader goes. */
  readonly closeAfterLines?: number;
  /** Sees each piece of the standard error as it comes. */
  readonly onStderr?: (text: string) => void;
}

/** Everything that any run of this file wrote, for the search for secrets. */
export const written: string[] = [];

/** The environment that makes `server` the account. */
export function envOf({ config }: Pick<S3Server, 'config'>, prefix = 'R2_'): Record<string, string> {
  return {
    [`${prefix}ACCOUNT_ID`]: config.accountId,
    [`${prefix}ACCESS_KEY_ID`]: config.accessKeyId,
    [`${prefix}SECRET_ACCESS_KEY`]: config.secretAccessKey,
    [`${prefix}ENDPOINT`]: config.endpoint,
  };
}

/** Runs a command line in this process. */
export async function run(args: readonly string[], world: CliWorld = {}): Promise<CliRun> {
  const stdout = new RecordedStream(world.columns, world.closeAfterLines);
  const stderr = new RecordedStream(world.columns, undefined, world.onStderr);
  const signal = world.signal ?? new AbortController().signal;
  const io: CliIo = {
    stdout,
    stderr,
    env: world.env ?? {},
    version: '1.2.3',
    signal,
    now: world.now ?? Date.now,
    readFile: (path) => (path === '-' ? Promise.resolve(world.stdin ?? '') : readFile(path, 'utf8')),
    writeFile: replaceFile,
  };
  const code = await runCli(args, io);
  written.push(stdout.text, stderr.text);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** The JSON values that a run printed, one a line. */
export function jsonLines({ stdout }: CliRun): unknown[] {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as unknown);
}

class RecordedStream implements CliStream {
  text = '';
  readonly #columns: number | undefined;
  readonly #closeAfterLines: number;
  readonly #onWrite: ((text: string) => void) | undefined;

  constructor(columns: number | undefined, closeAfterLines = Infinity, onWrite?: (text: string) => void) {
    this.#columns = columns;
    this.#closeAfterLines = closeAfterLines;
    this.#onWrite = onWrite;
  }

  get isTTY(): boolean {
    return this.#columns !== undefined;
  }

  get columns(): number | undefined {
    return this.#columns;
  }

  get closed(): boolean {
    return this.text.split('\n').length > this.#closeAfterLines;
  }

  write(text: string): void {
    if (this.closed) return;
    this.text += text;
    this.#onWrite?.(text);
  }

  async drained(): Promise<void> {}
}
