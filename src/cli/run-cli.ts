import { Command, CommanderError, Option } from 'commander';
import { isCloudflareClientError } from '../errors.js';
import { addCheckHls } from './commands/check-hls.js';
import { addCors } from './commands/cors.js';
import { addDu } from './commands/du.js';
import { addLifecycle } from './commands/lifecycle.js';
import { addLs } from './commands/ls.js';
import { addReplicate } from './commands/replicate.js';
import { addRm } from './commands/rm.js';
import { addSign } from './commands/sign.js';
import { addSignHls } from './commands/sign-hls.js';
import { addUploads } from './commands/uploads.js';
import { ENVIRONMENT_HELP, refuseCredentialFlags, withoutSecrets } from './credentials.js';
import { EXIT, exitCodeOf, NotFoundError, UsageError, type ExitCode } from './exit-code.js';
import { Invocation, type GlobalOptions } from './invocation.js';
import type { CliIo } from './io.js';

/**
 * Runs one command line.
 *
 * @param args what follows the name of the tool.
 * @param io everything it reads and writes; tests give their own.
 * @returns the exit code; never rejects.
 */
export async function runCli(args: readonly string[], io: CliIo): Promise<ExitCode> {
  const call = new Invocation(io);
  // What goes wrong before the options are known is reported in the right form, too.
  call.configure({ json: args.includes('--json'), debug: args.includes('--debug'), progress: true });
  try {
    refuseCredentialFlags(args);
    await programOf(call).parseAsync(args, { from: 'user' });
    call.endProgress();
    return io.signal.aborted ? EXIT.interrupted : call.exitCode;
  } catch (error) {
    call.endProgress();
    return failed(call, error);
  } finally {
    await Promise.all([io.stdout.drained(), io.stderr.drained()]);
  }
}

const COMMANDS = [
  addLs,
  addDu,
  addRm,
  addSign,
  addSignHls,
  addCheckHls,
  addLifecycle,
  addCors,
  addUploads,
  addReplicate,
];

function programOf(call: Invocation): Command {
  const { stdout, stderr, env, version } = call.io;
  const program = new Command('codex-r2')
    .description('Objects, media and settings of Cloudflare R2 buckets.')
    .version(version)
    .addOption(new Option('--json', 'print JSON, one value a line').default(false))
    .addOption(new Option('--debug', 'print the stack of an error, and what caused it').default(false))
    .addOption(new Option('--no-progress', 'show no progress on a terminal'))
    .configureHelp({ showGlobalOptions: true, optionDescription })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(withoutSecrets(text, env)),
      outputError: (text) => reportError(call, 'USAGE', usageMessage(text)),
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', `\n${ENVIRONMENT_HELP}`)
    .exitOverride()
    .hook('preAction', (_program, command) => call.configure(command.optsWithGlobals<GlobalOptions>()));
  for (const add of COMMANDS) add(program, call);
  return program;
}

/** Without the default of flags: it is always off. */
function optionDescription({ description, defaultValue, argChoices }: Option): string {
  const choices = argChoices === undefined ? '' : ` (choices: ${argChoices.join(', ')})`;
  return `${description}${choices}${typeof defaultValue === 'string' ? ` (default: ${defaultValue})` : ''}`;
}

/** Commander's message without its own head, and without the value of an unknown option: it may be a secret. */
function usageMessage(text: string): string {
  return oneLine(text.replace(/^error: /, '').replace(/^(unknown option '[^=']*)=.*'/s, "$1'"));
}

function failed(call: Invocation, error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (call.signal.aborted) {
    reportError(call, 'INTERRUPTED', 'Interrupted.', error);
    return EXIT.interrupted;
  }
  reportError(call, codeOf(error), messageOf(error), error);
  return exitCodeOf(error);
}

function reportError(call: Invocation, code: string, message: string, error?: unknown): void {
  if (call.json) call.note(JSON.stringify({ error: { code, message } }));
  else call.note(`codex-r2: ${code}: ${message}`);
  if (call.debug && error !== undefined) call.note(stackOf(error));
}

function codeOf(error: unknown): string {
  if (isCloudflareClientError(error)) return error.code;
  if (error instanceof UsageError) return 'USAGE';
  if (error instanceof NotFoundError) return 'NOT_FOUND';
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : 'FAILED';
}

function messageOf(error: unknown): string {
  return oneLine(error instanceof Error ? error.message : String(error));
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*[\r\n]+\s*/g, ' ');
}

function stackOf(error: unknown): string {
  const lines: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current instanceof Error && depth < 5; depth += 1) {
    lines.push(`${depth === 0 ? '' : 'caused by '}${current.stack ?? current.message}`);
    current = current.cause;
  }
  return lines.join('\n');
}
