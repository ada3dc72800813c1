import { CloudflareClientError } from '../../../errors.js';
import { shown } from '../object-names.js';
import type { R2Client } from '../r2-client.js';
import { readSetting, writeSetting, type BucketSetting, type SettingTarget } from './bucket-setting.js';
import { checkLifecycleRules, checkRuleCount, sameLifecycleRule, type R2LifecycleRule } from './lifecycle-rule.js';
import { parseLifecycleRules, writeLifecycleRule, type StoredLifecycleRule } from './lifecycle-xml.js';
import { settingTarget, type R2SettingOptions } from './setting-options.js';

/** The lifecycle rules of a bucket. */
export interface R2Lifecycle {
  /** In the server's order. */
  readonly rules: readonly R2LifecycleRule[];
  /** Rules that these types cannot say, such as one with a filter by tag. They are kept as they are. */
  readonly unknown: readonly R2UnknownLifecycleRule[];
}

/** A rule of another kind, as the server has it. */
export interface R2UnknownLifecycleRule {
  /** `null` for a rule without a name. */
  readonly id: string | null;
  readonly xml: string;
}

/** What to set, and how. */
export interface R2PutLifecycleOptions extends R2SettingOptions {
  readonly rules: readonly R2LifecycleRule[];
  /**
   * `merge` adds the rules, and replaces those of the same id; all others stay. `replace` makes `rules` the only ones, but for
   * rules of another kind.
   */
  readonly mode: 'merge' | 'replace';
  /**
   * With `replace`: drops rules of another kind too, also one that has the id of a rule that is given.
   *
   * @default false
   */
  readonly dropUnknown?: boolean | undefined;
  /**
   * Says what would change and writes nothing.
   *
   * @default false
   */
  readonly dryRun?: boolean | undefined;
}

/** What differs between two sets of rules. */
export interface R2LifecycleDiff {
  readonly added: readonly R2LifecycleRule[];
  readonly changed: readonly { readonly before: R2LifecycleRule; readonly after: R2LifecycleRule }[];
  readonly removed: readonly R2LifecycleRule[];
  readonly unchanged: readonly R2LifecycleRule[];
}

/** What was changed, or would be. */
export interface R2PutLifecycleResult extends R2LifecycleDiff {
  /** Rules of another kind that were written back as they were. */
  readonly kept: readonly R2UnknownLifecycleRule[];
  /** Rules of another kind that are gone. */
  readonly dropped: readonly R2UnknownLifecycleRule[];
  /**
   * When true, nothing aborts unfinished uploads of the whole bucket any more, and something did before: R2 makes a bucket with
   * a rule for that (7 days), which `replace` takes away unless it is among the rules.
   */
  readonly losesMultipartRule: boolean;
  /** `false` for a dry run, and when nothing differs: then nothing was sent. */
  readonly written: boolean;
}

const LIFECYCLE: BucketSetting = {
  name: 'lifecycle',
  missing: 'NoSuchLifecycleConfiguration',
  root: 'LifecycleConfiguration',
  get: ({ sdk }, Bucket) => new sdk.GetBucketLifecycleConfigurationCommand({ Bucket }),
  put: ({ sdk }, Bucket) =>
    new sdk.PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [] } }),
  delete: ({ sdk }, Bucket) => new sdk.DeleteBucketLifecycleCommand({ Bucket }),
};

/**
 * The lifecycle rules of a bucket. Needs a token that may edit buckets (Admin Read & Write).
 *
 * @returns no rules when the bucket has none.
 * @throws {CloudflareClientError} `INVALID_OPTION`, `R2_ACCESS_DENIED`, `R2_NO_SUCH_BUCKET`, `R2_NOT_SUPPORTED` where the endpoint
 * has no lifecycle rules, `R2_ABORTED` and the other `R2_*`
 */
export async function getLifecycle(r2: R2Client, options: R2SettingOptions): Promise<R2Lifecycle> {
  const stored = await readRules(settingTarget(r2, options));
  return { rules: knownOf(stored), unknown: stored.filter(({ rule }) => rule === null).map(toUnknown) };
}

/**
 * Sets lifecycle rules: reads those that are there, and writes when something differs. What the server has and these types
 * cannot say is written back as it was. Of two that do this at the same time the last one wins: R2 has no condition for it.
 *
 * @example
 * ```ts
 * const rules = [{ id: 'previews', prefix: `${creatorId}/previews/`, expireAfterDays: 30 }];
 * const plan = await putLifecycle(r2, { bucket: 'codex-media-production', rules, mode: 'merge', dryRun: true });
 * if (plan.changed.length === 0) await putLifecycle(r2, { bucket: 'codex-media-production', rules, mode: 'merge' });
 * ```
 * @throws {CloudflareClientError} `INVALID_OPTION` and `INVALID_PREFIX` before anything is written: a rule that is refused, two of one
 * id, more than 1,000 in all, the id of a rule of another kind; otherwise as `getLifecycle`
 */
export async function putLifecycle(r2: R2Client, options: R2PutLifecycleOptions): Promise<R2PutLifecycleResult> {
  const target = settingTarget(r2, options);
  const { mode, dryRun = false, dropUnknown = false } = options;
  if (!['merge', 'replace'].includes(mode)) throw invalid(`mode ${shown(mode)} must be merge or replace`);
  if (dropUnknown && mode === 'merge') throw invalid('dropUnknown goes with mode replace only');
  const rules = checkLifecycleRules(options.rules);
  const stored = await readRules(target);
  const unknown = stored.filter(({ rule }) => rule === null);
  const kept = dropUnknown ? [] : unknown;
  refuseUnknownIds(rules, kept);
  const before = knownOf(stored);
  const after = mode === 'replace' ? rules : mergeRules(before, rules);
  checkRuleCount(after.length + kept.length);
  const diff = diffLifecycle(before, after);
  const dropped = unknown.length - kept.length;
  const differs = diff.added.length + diff.changed.length + diff.removed.length + dropped > 0;
  const written = differs && !dryRun;
  if (written) await writeSetting(target, LIFECYCLE, documentOf(after, stored, kept));
  return {
    ...diff,
    kept: kept.map(toUnknown),
    dropped: dropUnknown ? unknown.map(toUnknown) : [],
    losesMultipartRule: before.some(abortsEverywhere) && !after.some(abortsEverywhere),
    written,
  };
}

/**
 * Compares two sets of rules by their ids.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_PREFIX` for rules that R2 would not take.
 */
export function diffLifecycle(before: readonly R2LifecycleRule[], after: readonly R2LifecycleRule[]): R2LifecycleDiff {
  const old = new Map(checkLifecycleRules(before).map((rule) => [rule.id, rule]));
  const wanted = checkLifecycleRules(after);
  const ids = new Set(wanted.map(({ id }) => id));
  const pairs = wanted.map((rule) => ({ before: old.get(rule.id), after: rule }));
  return {
    added: pairs.filter((pair) => pair.before === undefined).map((pair) => pair.after),
    changed: pairs.flatMap((pair) =>
      pair.before === undefined || sameLifecycleRule(pair.before, pair.after)
        ? []
        : [{ before: pair.before, after: pair.after }],
    ),
    removed: [...old.values()].filter(({ id }) => !ids.has(id)),
    unchanged: pairs
      .filter((pair) => pair.before !== undefined && sameLifecycleRule(pair.before, pair.after))
      .map((pair) => pair.after),
  };
}

async function readRules(target: SettingTarget): Promise<StoredLifecycleRule[]> {
  const root = await readSetting(target, LIFECYCLE);
  return root === null ? [] : parseLifecycleRules(root);
}

function knownOf(stored: readonly StoredLifecycleRule[]): R2LifecycleRule[] {
  return stored.flatMap(({ rule }) => (rule === null ? [] : [rule]));
}

function toUnknown({ id = null, xml }: { readonly id?: string | null | undefined; readonly xml: string }) {
  return { id, xml };
}

function mergeRules(before: readonly R2LifecycleRule[], rules: readonly R2LifecycleRule[]): R2LifecycleRule[] {
  const merged = new Map([...before, ...rules].map((rule) => [rule.id, rule]));
  return [...merged.values()];
}

/** A rule that is the same as before goes back as it came, and one that is changed keeps what else it holds. */
function documentOf(
  rules: readonly R2LifecycleRule[],
  stored: readonly StoredLifecycleRule[],
  kept: readonly StoredLifecycleRule[],
): string {
  const known = new Map(stored.flatMap((each) => (each.rule === null ? [] : [[each.rule.id, each] as const])));
  const documents = rules.map((rule) => {
    const old = known.get(rule.id);
    if (old?.rule != null && sameLifecycleRule(old.rule, rule)) return old.xml;
    return writeLifecycleRule(rule, old?.extra);
  });
  return [...kept.map(({ xml }) => xml), ...documents].join('');
}

function refuseUnknownIds(rules: readonly R2LifecycleRule[], kept: readonly StoredLifecycleRule[]): void {
  const clash = rules.find(({ id }) => kept.some((each) => each.id === id));
  if (clash === undefined) return;
  throw invalid(
    `lifecycle rule ${shown(clash.id)} is there already and has parts that would be lost; mode replace with dropUnknown takes it away`,
  );
}

function abortsEverywhere({ prefix, enabled, abortMultipartAfterDays }: R2LifecycleRule): boolean {
  return enabled === true && prefix === '' && abortMultipartAfterDays !== undefined;
}

function invalid(why: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_OPTION', `${why}.`);
}
