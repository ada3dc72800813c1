import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { CliIo, CliStream } from './io.js';
import { replaceFile } from './replace-file.js';

/** The process, as far as it is used. */
type ProcessLike = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr' | 'env' | 'on' | 'exit'>;

/** The world around a real command line. */
export function processIo(
  process: ProcessLike,
  version: string,
): { io: CliIo; interruptedBy: () => NodeJS.Signals | null } {
  const { controller, interruptedBy } = interruption(process);
  const io: CliIo = {
    stdout: streamOf(process.stdout),
    stderr: streamOf(process.stderr),
    env: process.env,
    version,
    signal: controller.signal,
    now: Date.now,
    readFile: (path) => (path === '-' ? text(process.stdin) : readFile(path, 'utf8')),
    writeFile: replaceFile,
  };
  return { io, interruptedBy };
}

/** The first signal asks the work to stop; the second ends the process there and then. */
function interruption(process: ProcessLike): {
  controller: AbortController;
  interruptedBy: () => NodeJS.Signals | null;
} {
  const controller = new AbortController();
  let by: NodeJS.Signals | null = null;
  const interrupt = (signal: NodeJS.Signals): void => {
    if (by !== null) process.exit(signal === 'SIGTERM' ? 143 : 130);
    by = signal;
    controller.abort(new Error(`Interrupted by ${signal}.`));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return { controller, interruptedBy: () => by };
}

function streamOf(stream: NodeJS.WriteStream): CliStream {
  let closed = false;
  // Without a listener, a reader that has gone (EPIPE) would end the process with a stack.
  stream.on('error', () => {
    closed = true;
  });
  return {
    write(chunk) {
      if (!closed) stream.write(chunk);
    },
    async drained() {
      // Answers also when the write failed.
      if (!closed) await new Promise<void>((resolve) => stream.write('', () => resolve()));
    },
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.isTTY ? stream.columns : undefined;
    },
    get closed() {
      return closed;
    },
  };
}
