import { CloudflareClientError } from '../../../errors.js';
import { checkPrefix, shown } from '../object-names.js';

/** What R2 does by itself with objects, and with uploads that nobody finished, once a day. At least one action a rule. */
export interface R2LifecycleRule {
  /** Names the rule within its bucket: 1 to 255 characters. */
  readonly id: string;
  /**
   * Which objects: what their keys begin with.
   *
   * @default '' (all)
   */
  readonly prefix?: string | undefined;
  /**
   * Whether the rule is at work.
   *
   * @default true
   */
  readonly enabled?: boolean | undefined;
  /** Deletes objects that many days after they were stored: an integer from 1. */
  readonly expireAfterDays?: number | undefined;
  /** Deletes objects on this day, `YYYY-MM-DD`, in UTC. Not together with `expireAfterDays`. */
  readonly expireAt?: string | undefined;
  /** Aborts uploads that many days after they were begun: an integer from 1. */
  readonly abortMultipartAfterDays?: number | undefined;
  /** Moves objects to Infrequent Access, which has no way back. */
  readonly transition?: R2LifecycleTransition | undefined;
}

/** When objects move to which storage class. One of `afterDays` and `at`. */
export interface R2LifecycleTransition {
  /** Days after the object was stored: an integer from 1. */
  readonly afterDays?: number | undefined;
  /** A day, `YYYY-MM-DD`, in UTC. */
  readonly at?: string | undefined;
  readonly storageClass: 'STANDARD_IA';
}

/** R2's bound on the rules of a bucket (https://developers.cloudflare.com/r2/buckets/object-lifecycles/). */
export const MAX_LIFECYCLE_RULES = 1000;

const MAX_ID_CHARACTERS = 255;
const MAX_DAYS = 2_147_483_647;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
// Neither a line of a header nor XML carries them.
const CONTROL_CHARACTER = /[\p{Cc}\p{Surrogate}\ufffe\uffff]/u;

/**
 * Checks rules and brings each into one form: no `undefined`, `prefix` and `enabled` always there.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_PREFIX`, naming the rule and the field.
 */
export function checkLifecycleRules(rules: readonly R2LifecycleRule[]): R2LifecycleRule[] {
  if (!Array.isArray(rules)) throw invalid(`rules ${shown(rules)} must be an array`);
  const checked = rules.map(checkRule);
  const ids = new Set<string>();
  for (const { id } of checked) {
    if (ids.has(id)) throw invalid(`lifecycle rule ${shown(id)} is given twice`);
    ids.add(id);
  }
  checkRuleCount(checked.length);
  return checked;
}

/**
 * Refuses more rules than a bucket takes.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function checkRuleCount(count: number): void {
  if (count > MAX_LIFECYCLE_RULES) {
    throw invalid(`${count} lifecycle rules are more than the ${MAX_LIFECYCLE_RULES} that a bucket takes`);
  }
}

/** Tells whether two rules, both checked, say the same. */
export function sameLifecycleRule(one: R2LifecycleRule, other: R2LifecycleRule): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function checkRule(rule: R2LifecycleRule, index: number): R2LifecycleRule {
  const { id, prefix, enabled } = checkSelection(rule, index);
  const { expireAfterDays, expireAt, abortMultipartAfterDays, transition } = rule;
  const name = `lifecycle rule ${shown(id)}:`;
  if (expireAfterDays !== undefined && expireAt !== undefined) {
    throw invalid(`${name} it has both expireAfterDays and expireAt`);
  }
  // The order of these fields is the form: `sameLifecycleRule` compares their JSON.
  const checked = {
    id,
    prefix,
    enabled,
    ...days(`${name} expireAfterDays`, 'expireAfterDays', expireAfterDays),
    ...day(`${name} expireAt`, 'expireAt', expireAt),
    ...days(`${name} abortMultipartAfterDays`, 'abortMultipartAfterDays', abortMultipartAfterDays),
    ...(transition !== undefined && { transition: checkTransition(name, transition) }),
  };
  if (Object.keys(checked).length === 3) throw invalid(`${name} it does nothing; give it an action`);
  return checked;
}

/** Which objects, and under which name. */
function checkSelection(rule: R2LifecycleRule, index: number): { id: string; prefix: string; enabled: boolean } {
  if (typeof rule !== 'object' || (rule as unknown) === null) throw invalid(`rules[${index}] must be an object`);
  const { id, prefix = '', enabled = true } = rule;
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID_CHARACTERS || CONTROL_CHARACTER.test(id)) {
    throw invalid(`rules[${index}].id ${shown(id)} must be 1 to ${MAX_ID_CHARACTERS} characters`);
  }
  checkPrefix(prefix);
  const name = `lifecycle rule ${shown(id)}:`;
  if (CONTROL_CHARACTER.test(prefix)) throw invalid(`${name} its prefix holds a control character`);
  if (typeof enabled !== 'boolean') throw invalid(`${name} enabled ${shown(enabled)} must be true or false`);
  return { id, prefix, enabled };
}

function checkTransition(rule: string, transition: R2LifecycleTransition): R2LifecycleTransition {
  const name = `${rule} transition`;
  if (typeof transition !== 'object' || (transition as unknown) === null) throw invalid(`${name} must be an object`);
  const { afterDays, at, storageClass } = transition;
  if ((storageClass as unknown) !== 'STANDARD_IA') {
    throw invalid(`${name}.storageClass ${shown(storageClass)} must be STANDARD_IA, the one class that R2 moves to`);
  }
  if ((afterDays === undefined) === (at === undefined)) throw invalid(`${name} needs one of afterDays and at`);
  return {
    ...days(`${name}.afterDays`, 'afterDays', afterDays),
    ...day(`${name}.at`, 'at', at),
    storageClass,
  };
}

function days<Name extends string>(
  name: string,
  field: Name,
  value: number | undefined,
): Partial<Record<Name, number>> {
  if (value === undefined) return {};
  if (!Number.isSafeInteger(value) || value < 1 || value > MAX_DAYS) {
    throw invalid(`${name} ${shown(value)} must be an integer from 1 to ${MAX_DAYS}`);
  }
  return { [field]: value } as Record<Name, number>;
}

function day<Name extends string>(name: string, field: Name, value: string | undefined): Partial<Record<Name, string>> {
  if (value === undefined) return {};
  if (!isDay(value)) throw invalid(`${name} ${shown(value)} must be a day, YYYY-MM-DD`);
  return { [field]: value } as Record<Name, string>;
}

function isDay(value: unknown): boolean {
  if (typeof value !== 'string' || !DAY.test(value)) return false;
  const time = Date.parse(`${value}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(value);
}

function invalid(why: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_OPTION', `${why}.`);
}
