import { spawn } from 'node:child_process';

const MAX_OUTPUT_CHARACTERS = 1_000_000;

/** Whether a command can be started at all. */
export async function canRun(command) {
  try {
    await runProcess(command, ['-version'], {});
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a program to its end.
 *
 * @param options.signal ends it, by SIGKILL.
 * @param options.onOutput is given each chunk of its standard output.
 * @returns its standard output.
 * @throws {Error} with `exitStatus` (`null` for one that was killed) and what it wrote to its standard error, when it ends with another status than 0, is ended, or cannot be started.
 */
export function runProcess(command, args, { signal, onOutput = () => undefined }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      if (output.length < MAX_OUTPUT_CHARACTERS) output += chunk;
      onOutput(chunk);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk) => (errors = (errors + chunk).slice(-2000)));
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve(output);
      else {
        const error = new Error(`${command} ended with status ${status}: ${errors.trim()}`);
        reject(Object.assign(error, { exitStatus: status }));
      }
    });
  });
}
