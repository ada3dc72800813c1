import { CloudflareClientError } from '../../errors.js';
import { quote } from '../kv/key.js';
import type { RateLimitResult, RateLimitRuleResult, RateLimitsResult } from './rate-limit-result.js';

const DRAFTS: readonly unknown[] = [10, 8, 7, 6, 'legacy'];
const MAX_PARTITION_KEY_BYTES = 256;
// The bound of an Integer of structured fields. https://www.rfc-editor.org/rfc/rfc9651#section-3.3.1
const MAX_INTEGER = 999_999_999_999_999;
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/**
 * A version of the headers.
 *
 * - `10`, `8`: drafts of the IETF with named policies, `RateLimit-Policy: "default";q=5;w=900` and `RateLimit: "default";r=4;t=12`. Draft 11 writes the
 *   same as 10.
 * - `7`: one policy is told in full, `RateLimit: limit=5, remaining=4, reset=12`. `6`: the same in `RateLimit-Limit` and so on.
 * - `legacy`: `X-RateLimit-Limit`, `-Remaining` and `-Reset`, the last in seconds since the epoch.
 */
export type RateLimitDraft = 10 | 8 | 7 | 6 | 'legacy';

/** Options of {@link toHeaders}. */
export interface RateLimitHeaderOptions {
  /**
   * Which version is written.
   *
   * @default 10
   */
  readonly draft?: RateLimitDraft;
  /**
   * Whose quota it is, for clients that act for several: text, or 1 to 256 bytes. Of drafts 10 and 8 alone. The client sees it, so put in
   * nothing that it should not.
   *
   * @default none
   */
  readonly partitionKey?: string | Uint8Array;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

type Headers = Record<string, string>;

/**
 * The headers that tell a client about its limit: https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-10.html. With `checkLimits` all
 * rules are told, in drafts 7, 6 and legacy the one with the least left.
 *
 * A refused attempt also gets `Retry-After`, in whole seconds, rounded up, not before the reset of a policy that refused. Where what is left is
 * not known (a rate-limit binding decided, or the store failed) no header claims it: there is the policy, and `Retry-After` where it was refused.
 *
 * Scripts of another origin see none of these unless `Access-Control-Expose-Headers` lists them. In shadow mode they tell what would have been.
 *
 * @param result what `checkLimit` or `checkLimits` gave.
 * @param options which version, and whose quota.
 * @returns a plain object, for `new Response`, SvelteKit's `setHeaders` and the like.
 * @throws {CloudflareClientError} `INVALID_OPTION` for an unknown draft, a partition key out of bounds or of a draft without; `INVALID_ARGUMENT` for
 *   a rule whose name no header can hold. `checkLimit` refuses such a name itself.
 * @example
 * ```ts
 * const limiter = new RateLimiterClient(env.RATE_LIMIT_KV);
 * const result = await limiter.checkLimit(ip, { limit: 5, window: 900, keyPrefix: 'rl:login:' });
 * const response = result.allowed ? new Response('ok', { headers: toHeaders(result) }) : tooManyRequests(result);
 * ```
 */
export function toHeaders(
  result: RateLimitResult | RateLimitsResult,
  options: RateLimitHeaderOptions = {},
): Record<string, string> {
  const { draft = 10, partitionKey, now = Date.now } = options;
  checkDraft(draft);
  const rules = rulesOf(result);
  const isKnown = result.decidedBy !== 'binding' && result.reason !== 'store-error';
  const headers = draft === 10 || draft === 8 ? namedHeaders : draft === 'legacy' ? legacyHeaders : plainHeaders;
  const pk = partitionKey === undefined ? '' : `;pk=${toByteSequence(partitionKey, draft)}`;
  const time = now();
  return {
    ...headers(rules, { draft, pk, isKnown, resetOf: (rule) => resetSeconds(rule, draft, time) }),
    ...(!result.allowed && { 'Retry-After': String(retryAfterSeconds(result, time)) }),
  };
}

/** The rules that refused an attempt; none where the store failed, as nothing was counted. */
export function violatedRules(result: RateLimitResult | RateLimitsResult): readonly RateLimitRuleResult[] {
  return result.reason === 'store-error' ? [] : rulesOf(result).filter(({ retryAfterMs }) => retryAfterMs > 0);
}

interface Telling {
  readonly draft: RateLimitDraft;
  /** The parameter of the partition key; empty without one. */
  readonly pk: string;
  /** Whether it is known how much is left. */
  readonly isKnown: boolean;
  /** Whole seconds until there is more. */
  readonly resetOf: (rule: RateLimitRuleResult) => number;
}

function namedHeaders(rules: readonly RateLimitRuleResult[], { pk, isKnown, resetOf }: Telling): Headers {
  const policies = rules.map(
    ({ name, limit, window }) => `${toText(name)};q=${toInteger(limit)};w=${toInteger(window)}${pk}`,
  );
  const limits = rules.map(
    (rule) => `${toText(rule.name)};r=${toInteger(Math.floor(rule.remaining))};t=${resetOf(rule)}${pk}`,
  );
  return { 'RateLimit-Policy': policies.join(', '), ...(isKnown && { RateLimit: limits.join(', ') }) };
}

// Drafts 7 and 6.
function plainHeaders(rules: readonly RateLimitRuleResult[], { draft, isKnown, resetOf }: Telling): Headers {
  const policy = { 'RateLimit-Policy': plainPolicies(rules) };
  if (!isKnown) return policy;
  const rule = nearest(rules);
  const [limit, remaining, reset] = [toInteger(rule.limit), toInteger(Math.floor(rule.remaining)), resetOf(rule)];
  if (draft === 7) return { ...policy, RateLimit: `limit=${limit}, remaining=${remaining}, reset=${reset}` };
  return {
    ...policy,
    'RateLimit-Limit': String(limit),
    'RateLimit-Remaining': String(remaining),
    'RateLimit-Reset': String(reset),
  };
}

function legacyHeaders(rules: readonly RateLimitRuleResult[], { isKnown }: Telling): Headers {
  const { limit, remaining, resetAt } = nearest(rules);
  const header = { 'X-RateLimit-Limit': String(toInteger(limit)) };
  if (!isKnown) return header;
  return {
    ...header,
    'X-RateLimit-Remaining': String(toInteger(Math.floor(remaining))),
    'X-RateLimit-Reset': String(toInteger(resetAt / 1000)),
  };
}

/** No two policies may have one quota: of such the longest window is told, which allows least. */
function plainPolicies(rules: readonly RateLimitRuleResult[]): string {
  const windows = new Map<number, number>();
  for (const { limit, window } of rules) windows.set(limit, Math.max(window, windows.get(limit) ?? 0));
  return [...windows].map(([limit, window]) => `${toInteger(limit)};w=${toInteger(window)}`).join(', ');
}

/** The rule to tell where only one can be: with the least left, of such the one that keeps the client longest. */
function nearest(rules: readonly RateLimitRuleResult[]): RateLimitRuleResult {
  return rules.reduce((one, other) => {
    const more =
      one.remaining - other.remaining || other.retryAfterMs - one.retryAfterMs || other.resetAt - one.resetAt;
    return more > 0 ? other : one;
  });
}

function resetSeconds({ resetAt, retryAfterMs }: RateLimitRuleResult, draft: RateLimitDraft, now: number): number {
  // Draft 10 wants Retry-After to be no earlier than the reset, those before it want them to be the same.
  const ms = draft === 10 ? resetAt - now : Math.max(resetAt - now, retryAfterMs);
  return toInteger(ms / 1000);
}

function retryAfterSeconds(result: RateLimitResult | RateLimitsResult, now: number): number {
  const resets = violatedRules(result).map(({ resetAt }) => resetAt - now);
  // 0 would be an invitation to try again at once.
  return Math.max(1, toInteger(Math.max(result.retryAfterMs, ...resets) / 1000));
}

function rulesOf(result: RateLimitResult | RateLimitsResult): readonly RateLimitRuleResult[] {
  return 'rules' in result ? result.rules : [result];
}

/** An Integer of structured fields that is not negative; rounded up. */
function toInteger(value: number): number {
  return value > 0 ? Math.min(Math.ceil(value), MAX_INTEGER) : 0;
}

/** A String of structured fields. https://www.rfc-editor.org/rfc/rfc9651#section-4.1.6 */
function toText(name: string): string {
  if (typeof name === 'string' && PRINTABLE_ASCII.test(name)) return `"${name.replace(/["\\]/g, '\\$&')}"`;
  const message = `The name ${quote(name)} of a rule cannot stand in a header: give printable ASCII characters.`;
  throw new CloudflareClientError('INVALID_ARGUMENT', message);
}

/** A Byte Sequence of structured fields. https://www.rfc-editor.org/rfc/rfc9651#section-4.1.8 */
function toByteSequence(key: string | Uint8Array, draft: RateLimitDraft): string {
  const bytes = typeof key === 'string' ? new TextEncoder().encode(key) : (key as unknown);
  const isKey = bytes instanceof Uint8Array && bytes.length > 0 && bytes.length <= MAX_PARTITION_KEY_BYTES;
  if (isKey && (draft === 10 || draft === 8)) return `:${btoa(String.fromCharCode(...bytes))}:`;
  const remedy = isKey
    ? 'drafts 10 and 8 have partition keys'
    : `give text or bytes, 1 to ${MAX_PARTITION_KEY_BYTES} of them`;
  throw new CloudflareClientError('INVALID_OPTION', `Option partitionKey is refused: ${remedy}.`);
}

function checkDraft(draft: unknown): void {
  if (DRAFTS.includes(draft)) return;
  const shown = typeof draft === 'number' ? String(draft) : quote(draft);
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `Option draft ${shown} is refused: give one of ${DRAFTS.join(', ')}.`,
  );
}
