import type { Command } from 'commander';
import type { R2LifecycleRule } from '../../clients/r2/bucket/lifecycle-rule.js';
import { getLifecycle, putLifecycle, type R2PutLifecycleResult } from '../../clients/r2/bucket/lifecycle.js';
import { printable, table } from '../display.js';
import { EXIT } from '../exit-code.js';
import type { Invocation } from '../invocation.js';
import { readRules } from '../rules-file.js';

interface ApplyOptions {
  readonly replace: boolean;
}

const REPLACE = 'make the rules of the file the only ones';

/** `lifecycle`: what R2 deletes, aborts and moves by itself. */
export function addLifecycle(program: Command, call: Invocation): void {
  const lifecycle = program.command('lifecycle').description('Read, compare and set the lifecycle rules of a bucket.');
  lifecycle
    .command('get')
    .description('Print the rules; with --json in the form that apply and diff read.')
    .argument('<bucket>')
    .action((bucket: string) => get(call, bucket));
  lifecycle
    .command('diff')
    .description('Say what apply would change. Exits with 1 when something would.')
    .argument('<bucket>')
    .argument('<file>', 'JSON: an array of rules, or an object with "rules"; - is the standard input')
    .option('--replace', REPLACE, false)
    .action(async (bucket: string, file: string, options: ApplyOptions) => {
      const result = await put(call, { bucket, file, ...options, dryRun: true });
      if (differs(result)) call.exitCode = EXIT.findings;
    });
  lifecycle
    .command('apply')
    .description('Add the rules of a file, and replace those of the same id; with --replace drop all others.')
    .argument('<bucket>')
    .argument('<file>', 'as for diff')
    .option('--replace', REPLACE, false)
    .action(async (bucket: string, file: string, options: ApplyOptions) => {
      await put(call, { bucket, file, ...options, dryRun: false });
    });
}

async function get(call: Invocation, bucket: string): Promise<void> {
  const { rules, unknown } = await getLifecycle(call.client, { bucket, signal: call.signal });
  call.emit({ bucket, rules, unknown });
  const rows = rules.map((rule) => [rule.id, rule.enabled === false ? 'off' : 'on', describe(rule)].map(printable));
  for (const line of table(rows, [false, false, false])) call.print(line);
  for (const { id } of unknown) call.print(`${printable(id ?? '(no id)')}  a rule of another kind; --json shows it`);
  if (rules.length + unknown.length === 0) call.print('No lifecycle rules.');
}

async function put(
  call: Invocation,
  options: ApplyOptions & { readonly bucket: string; readonly file: string; readonly dryRun: boolean },
): Promise<R2PutLifecycleResult> {
  const { bucket, file, replace, dryRun } = options;
  // Checked by putLifecycle, field by field, before anything is sent.
  const rules = (await readRules(call, file)) as R2LifecycleRule[];
  const mode = replace ? 'replace' : 'merge';
  const result = await putLifecycle(call.client, { bucket, rules, mode, dryRun, signal: call.signal });
  call.emit({ bucket, dryRun, mode, ...result });
  for (const rule of result.added) call.print(`+ ${printable(`${rule.id}: ${describe(rule)}`)}`);
  for (const { before, after } of result.changed) {
    call.print(`- ${printable(`${before.id}: ${describe(before)}`)}`);
    call.print(`+ ${printable(`${after.id}: ${describe(after)}`)}`);
  }
  for (const rule of result.removed) call.print(`- ${printable(`${rule.id}: ${describe(rule)}`)}`);
  if (result.losesMultipartRule) {
    call.note('codex-r2: warning: no rule aborts unfinished uploads of the whole bucket any more.');
  }
  call.print(verdictOf(result, dryRun));
  return result;
}

function verdictOf(result: R2PutLifecycleResult, dryRun: boolean): string {
  const { added, changed, removed, unchanged } = result;
  if (!differs(result)) return `Nothing differs: ${unchanged.length} rules.`;
  const what = `${added.length} added, ${changed.length} changed, ${removed.length} removed, ${unchanged.length} as they were`;
  return `${dryRun ? 'Would write' : 'Written'}: ${what}.`;
}

function differs({ added, changed, removed, dropped }: R2PutLifecycleResult): boolean {
  return added.length + changed.length + removed.length + dropped.length > 0;
}

/** A rule as a sentence. */
function describe(rule: R2LifecycleRule): string {
  const { prefix = '', expireAfterDays, expireAt, abortMultipartAfterDays, transition, enabled = true } = rule;
  const actions = [
    expireAfterDays === undefined ? '' : `delete after ${expireAfterDays} days`,
    expireAt === undefined ? '' : `delete on ${expireAt}`,
    abortMultipartAfterDays === undefined ? '' : `abort uploads after ${abortMultipartAfterDays} days`,
    transition?.afterDays === undefined ? '' : `to Infrequent Access after ${transition.afterDays} days`,
    transition?.at === undefined ? '' : `to Infrequent Access on ${transition.at}`,
  ];
  const scope = prefix === '' ? 'whole bucket' : prefix;
  return `${scope}: ${actions.filter((action) => action !== '').join(', ')}${enabled ? '' : ' (off)'}`;
}
