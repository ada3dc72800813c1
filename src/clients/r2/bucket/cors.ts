import { CloudflareClientError } from '../../../errors.js';
import { shown } from '../object-names.js';
import type { R2Client } from '../r2-client.js';
import { readSetting, writeSetting, type BucketSetting, type SettingTarget } from './bucket-setting.js';
import { checkCorsRules, type R2CorsMethod, type R2CorsRule } from './cors-rule.js';
import { settingTarget, type R2SettingOptions } from './setting-options.js';
import { elementsOf, textOf, writeXml, xmlElement, type XmlElement } from './xml-tree.js';

/** What to set, and how. */
export interface R2PutCorsOptions extends R2SettingOptions {
  readonly rules: readonly R2CorsRule[];
  /**
   * `merge` replaces rules of the same id, adds the others behind those that are there, and leaves what says the same.
   * `replace` makes `rules` the only ones. Of the rules that fit a request the first decides.
   */
  readonly mode: 'merge' | 'replace';
  /**
   * Says what would change and writes nothing.
   *
   * @default false
   */
  readonly dryRun?: boolean | undefined;
}

/** What differs between two sets of rules. */
export interface R2CorsDiff {
  readonly added: readonly R2CorsRule[];
  readonly changed: readonly { readonly before: R2CorsRule; readonly after: R2CorsRule }[];
  readonly removed: readonly R2CorsRule[];
  readonly unchanged: readonly R2CorsRule[];
  /** Whether rules that stay change places. */
  readonly reordered: boolean;
}

/** What was changed, or would be. */
export interface R2PutCorsResult extends R2CorsDiff {
  /** `false` for a dry run, and when nothing differs: then nothing was sent. */
  readonly written: boolean;
}

/** A rule as the server has it. */
interface StoredCorsRule {
  readonly rule: R2CorsRule;
  readonly xml: string;
  /** Its elements that `R2CorsRule` does not name. */
  readonly extra: string;
}

const CORS: BucketSetting = {
  name: 'CORS',
  missing: 'NoSuchCORSConfiguration',
  root: 'CORSConfiguration',
  get: ({ sdk }, Bucket) => new sdk.GetBucketCorsCommand({ Bucket }),
  put: ({ sdk }, Bucket) => new sdk.PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [] } }),
  delete: ({ sdk }, Bucket) => new sdk.DeleteBucketCorsCommand({ Bucket }),
};
const KNOWN_ELEMENTS: readonly string[] = [
  'ID',
  'AllowedOrigin',
  'AllowedMethod',
  'AllowedHeader',
  'ExposeHeader',
  'MaxAgeSeconds',
];

/**
 * The CORS rules of a bucket. Needs a token that may edit buckets (Admin Read & Write).
 *
 * @returns an empty array when the bucket has none.
 * @throws {CloudflareClientError} `INVALID_OPTION`, `R2_ACCESS_DENIED`, `R2_NO_SUCH_BUCKET`, `R2_NOT_SUPPORTED` where the endpoint has
 * no CORS settings, `R2_ABORTED` and the other `R2_*`
 */
export async function getCors(r2: R2Client, options: R2SettingOptions): Promise<R2CorsRule[]> {
  const stored = await readRules(settingTarget(r2, options));
  return stored.map(({ rule }) => rule);
}

/**
 * Sets CORS rules: reads those that are there, and writes when something differs. R2 may take 30 seconds to follow. Of two that
 * do this at the same time the last one wins.
 *
 * @example
 * ```ts
 * const rules: R2CorsRule[] = [{ id: 'app', allowedOrigins: ['https://app.example'], allowedMethods: ['GET', 'HEAD'] }];
 * const { written } = await putCors(r2, { bucket: 'codex-media-production', rules, mode: 'merge' });
 * ```
 * @throws {CloudflareClientError} `INVALID_OPTION` before anything is written: a rule that is refused, two of one id, more than 100 in
 * all; otherwise as `getCors`
 */
export async function putCors(r2: R2Client, options: R2PutCorsOptions): Promise<R2PutCorsResult> {
  const target = settingTarget(r2, options);
  const { mode, dryRun = false } = options;
  if (!['merge', 'replace'].includes(mode)) {
    throw new CloudflareClientError('INVALID_OPTION', `mode ${shown(mode)} must be merge or replace.`);
  }
  const rules = checkCorsRules(options.rules);
  const stored = await readRules(target);
  const before = stored.map(({ rule }) => rule);
  const after = checkCorsRules(mode === 'replace' ? rules : mergeRules(before, rules));
  const diff = compareRules(before, after);
  const differs = diff.added.length + diff.changed.length + diff.removed.length > 0 || diff.reordered;
  const written = differs && !dryRun;
  if (written) await writeSetting(target, CORS, documentOf(after, stored));
  return { ...diff, written };
}

/**
 * Compares two sets of rules: by their ids, and rules without one by what they say.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION` for rules that R2 would not take.
 */
export function diffCors(before: readonly R2CorsRule[], after: readonly R2CorsRule[]): R2CorsDiff {
  return compareRules(checkCorsRules(before), checkCorsRules(after));
}

function compareRules(before: readonly R2CorsRule[], after: readonly R2CorsRule[]): R2CorsDiff {
  const old = new Map(before.map((rule) => [nameOf(rule), rule]));
  const names = new Set(after.map(nameOf));
  const pairs = after.map((rule) => ({ before: old.get(nameOf(rule)), after: rule }));
  const stay = after.map(nameOf).filter((name) => old.has(name));
  const stayed = [...old.keys()].filter((name) => names.has(name));
  return {
    added: pairs.filter((pair) => pair.before === undefined).map((pair) => pair.after),
    changed: pairs.flatMap((pair) =>
      pair.before === undefined || sameRule(pair.before, pair.after)
        ? []
        : [{ before: pair.before, after: pair.after }],
    ),
    removed: before.filter((rule) => !names.has(nameOf(rule))),
    unchanged: pairs
      .filter((pair) => pair.before !== undefined && sameRule(pair.before, pair.after))
      .map((pair) => pair.after),
    reordered: stay.some((name, index) => name !== stayed[index]),
  };
}

async function readRules(target: SettingTarget): Promise<StoredCorsRule[]> {
  const root = await readSetting(target, CORS);
  return root === null ? [] : elementsOf(root, 'CORSRule').map(parseRule);
}

function mergeRules(before: readonly R2CorsRule[], rules: readonly R2CorsRule[]): R2CorsRule[] {
  return [...new Map([...before, ...rules].map((rule) => [nameOf(rule), rule])).values()];
}

function nameOf(rule: R2CorsRule): string {
  return rule.id === undefined ? JSON.stringify(rule) : `id ${rule.id}`;
}

function sameRule(one: R2CorsRule, other: R2CorsRule): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** What the server has is taken as it is: a rule that would be refused here can still be read, and replaced. */
function parseRule(element: XmlElement): StoredCorsRule {
  const texts = (name: string): string[] => elementsOf(element, name).map((each) => each.textContent);
  const id = textOf(element, 'ID');
  const maxAge = textOf(element, 'MaxAgeSeconds');
  return {
    rule: {
      ...(id !== undefined && { id }),
      allowedOrigins: texts('AllowedOrigin'),
      allowedMethods: texts('AllowedMethod') as R2CorsMethod[],
      allowedHeaders: texts('AllowedHeader'),
      exposeHeaders: texts('ExposeHeader'),
      ...(maxAge !== undefined && { maxAgeSeconds: Number(maxAge) }),
    },
    xml: writeXml(element),
    extra: elementsOf(element)
      .filter(({ nodeName }) => !KNOWN_ELEMENTS.includes(nodeName))
      .map(writeXml)
      .join(''),
  };
}

/** A rule that is the same as before goes back as it came, and one that is changed keeps what else it holds. */
function documentOf(rules: readonly R2CorsRule[], stored: readonly StoredCorsRule[]): string {
  const old = new Map(stored.map((each) => [nameOf(each.rule), each]));
  return rules
    .map((rule) => {
      const before = old.get(nameOf(rule));
      if (before !== undefined && sameRule(before.rule, rule)) return before.xml;
      return writeRule(rule, before?.extra);
    })
    .join('');
}

function writeRule(rule: R2CorsRule, extra = ''): string {
  const { id, allowedOrigins, allowedMethods, allowedHeaders = [], exposeHeaders = [], maxAgeSeconds } = rule;
  const parts = [
    ...(id === undefined ? [] : [xmlElement('ID', id)]),
    ...allowedOrigins.map((origin) => xmlElement('AllowedOrigin', origin)),
    ...allowedMethods.map((method) => xmlElement('AllowedMethod', method)),
    ...allowedHeaders.map((header) => xmlElement('AllowedHeader', header)),
    ...exposeHeaders.map((header) => xmlElement('ExposeHeader', header)),
    ...(maxAgeSeconds === undefined ? [] : [xmlElement('MaxAgeSeconds', maxAgeSeconds)]),
  ];
  return `<CORSRule>${parts.join('')}${extra}</CORSRule>`;
}
