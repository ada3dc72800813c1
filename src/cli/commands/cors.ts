import { Option, type Command } from 'commander';
import { checkCors } from '../../clients/r2/browser/check-cors.js';
import { corsRules, type UploadClient } from '../../clients/r2/browser/cors-rules.js';
import type { R2CorsRule } from '../../clients/r2/bucket/cors-rule.js';
import { getCors, putCors } from '../../clients/r2/bucket/cors.js';
import { printable } from '../display.js';
import { EXIT } from '../exit-code.js';
import type { Invocation } from '../invocation.js';
import { readRules } from '../rules-file.js';

interface ApplyOptions {
  readonly replace: boolean;
  readonly dryRun: boolean;
}

interface CheckOptions {
  readonly origin: string;
  readonly uppy: string;
  readonly header: readonly string[];
}

interface RulesOptions {
  readonly origin: readonly string[];
  readonly uppy: string;
  readonly header: readonly string[];
  readonly read: boolean;
}

const UPLOAD_CLIENTS = new Map<string, UploadClient>([
  ['put', 'put'],
  ['4', 4],
  ['5', 5],
  ['6', 6],
  ['companion', 'companion'],
]);

/** `cors`: which browsers' requests a bucket answers. */
export function addCors(program: Command, call: Invocation): void {
  const cors = program.command('cors').description('Read, set and check the CORS rules of a bucket.');
  cors
    .command('get')
    .description('Print the rules; with --json in the form that apply reads.')
    .argument('<bucket>')
    .action((bucket: string) => get(call, bucket));
  cors
    .command('apply')
    .description('Add the rules of a file, and replace those of the same id; with --replace drop all others.')
    .argument('<bucket>')
    .argument('<file>', 'JSON: an array of rules, or an object with "rules"; - is the standard input')
    .option('--replace', 'make the rules of the file the only ones', false)
    .option('--dry-run', 'say what would change, and change nothing', false)
    .action((bucket: string, file: string, options: ApplyOptions) => apply(call, { bucket, file, ...options }));
  addQuestions(cors, call);
}

/** What needs no file. */
function addQuestions(cors: Command, call: Invocation): void {
  const uppy = (): Option =>
    new Option('--uppy <version>', 'what uploads: a PUT, Uppy 4 to 6, or its Companion')
      .choices([...UPLOAD_CLIENTS.keys()])
      .default('put');
  cors
    .command('check')
    .description('Ask the bucket what a browser asks before an upload, and say what its rules lack.')
    .argument('<bucket>')
    .requiredOption('--origin <origin>', 'origin of the page: https://app.example')
    .addOption(uppy())
    .option('--header <names...>', 'further request headers that the page sends', [])
    .action((bucket: string, options: CheckOptions) => check(call, bucket, options));
  cors
    .command('rules')
    .description('Print the rules that uploads from a page need, for apply. Nothing is sent.')
    .requiredOption('--origin <origins...>', 'origins of the pages')
    .addOption(uppy())
    .option('--header <names...>', 'further request headers that the pages send', [])
    .option('--read', 'add a rule for reading, as players need it', false)
    .action((options: RulesOptions) => printRules(call, options));
}

async function get(call: Invocation, bucket: string): Promise<void> {
  const rules = await getCors(call.client, { bucket, signal: call.signal });
  call.emit({ bucket, rules });
  for (const rule of rules) call.print(describe(rule));
  if (rules.length === 0) call.print('No CORS rules: browsers reach nothing from another origin.');
}

async function apply(
  call: Invocation,
  { bucket, file, replace, dryRun }: ApplyOptions & { readonly bucket: string; readonly file: string },
): Promise<void> {
  // Checked by putCors, field by field, before anything is sent.
  const rules = (await readRules(call, file)) as R2CorsRule[];
  const mode = replace ? 'replace' : 'merge';
  const result = await putCors(call.client, { bucket, rules, mode, dryRun, signal: call.signal });
  call.emit({ bucket, dryRun, mode, ...result });
  const { added, changed, removed, unchanged, reordered } = result;
  for (const rule of [...removed, ...changed.map(({ before }) => before)]) call.print(`- ${describe(rule)}`);
  for (const rule of [...added, ...changed.map(({ after }) => after)]) call.print(`+ ${describe(rule)}`);
  if (added.length + changed.length + removed.length === 0 && !reordered) {
    call.print(`Nothing differs: ${unchanged.length} rules.`);
    return;
  }
  const what = `${added.length} added, ${changed.length} changed, ${removed.length} removed`;
  call.print(`${dryRun ? 'Would write' : 'Written'}: ${what}${reordered ? ', in another order' : ''}.`);
}

async function check(call: Invocation, bucket: string, { origin, uppy, header }: CheckOptions): Promise<void> {
  const options = { bucket, origin, uppy: UPLOAD_CLIENTS.get(uppy), headers: header, signal: call.signal };
  const { ok, problems } = await checkCors(call.client, options);
  call.emit({ bucket, origin, uppy, ok, problems });
  for (const { message } of problems) call.print(`- ${printable(message)}`);
  call.print(ok ? `OK: ${origin} can upload to ${bucket}.` : `${origin} cannot upload to ${bucket}.`);
  if (!ok) call.exitCode = EXIT.findings;
}

/** Always JSON: it is there to be piped. */
function printRules(call: Invocation, { origin, uppy, header, read }: RulesOptions): void {
  const rules = corsRules({ origins: origin, uppy: UPLOAD_CLIENTS.get(uppy), headers: header, read });
  call.io.stdout.write(`${JSON.stringify({ rules }, null, call.json ? undefined : 2)}\n`);
}

/** A rule as one line. */
function describe(rule: R2CorsRule): string {
  const { id, allowedOrigins, allowedMethods, allowedHeaders = [], exposeHeaders = [], maxAgeSeconds } = rule;
  const parts = [
    `${allowedMethods.join(' ')} from ${allowedOrigins.join(' ')}`,
    allowedHeaders.length === 0 ? '' : `headers ${allowedHeaders.join(' ')}`,
    exposeHeaders.length === 0 ? '' : `exposes ${exposeHeaders.join(' ')}`,
    maxAgeSeconds === undefined ? '' : `kept ${maxAgeSeconds} s`,
  ];
  return printable(`${id === undefined ? '' : `${id}: `}${parts.filter((part) => part !== '').join('; ')}`);
}
