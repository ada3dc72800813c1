import { CloudflareClientError } from '../../../errors.js';
import { MAX_TIMEOUT_MS } from '../timeout.js';
import { MAX_TTL_SECONDS } from '../ttl.js';
import type { CacheCodec } from './cache-codec.js';
import type { CacheClientOptions, CachePolicyOptions, CacheSetOptions, GetOrSetOptions } from './cache-options.js';
import type { StandardSchema } from './standard-schema.js';
import { checkTags } from './tags.js';

const MAX_TTL_JITTER = 0.5;
const MAX_EARLY_REFRESH = 10;
/** https://developers.cloudflare.com/kv/platform/limits/ */
const MIN_EDGE_TTL_SECONDS = 30;
const REFRESH_BACKOFF_SECONDS = 5;
const JOIN_TIMEOUT_MS = 5_000;

/** How one call is cached: the options of the client and of the call, resolved. A class, so that all have one shape: every hit reads it. */
export class CachePolicy {
  readonly staleWhileRevalidate: number;
  readonly staleIfError: number;
  readonly refreshBackoffSeconds: number;
  readonly softTimeoutMs: number | undefined;
  readonly hardTimeoutMs: number | undefined;
  readonly negativeTtlSeconds: number | undefined;
  readonly ttlJitter: number;
  readonly earlyRefresh: number;
  readonly singleFlight: 'request' | 'isolate';
  readonly joinTimeoutMs: number;
  readonly awaitWrites: boolean;
  readonly codec: CacheCodec | undefined;
  readonly tags: readonly string[] | ((value: unknown) => readonly string[]) | undefined;
  readonly cacheIf: ((value: unknown) => boolean) | undefined;
  readonly schema: StandardSchema | undefined;
  readonly forceFresh: boolean;
  readonly bypass: boolean;

  /** What `given` leaves open is as in `base`. */
  // eslint-disable-next-line complexity -- one `??` per option, and a loop would give each object a shape of its own
  constructor(base: PolicyOptions, given: PolicyOptions) {
    this.staleWhileRevalidate = given.staleWhileRevalidate ?? base.staleWhileRevalidate ?? 0;
    this.staleIfError = given.staleIfError ?? base.staleIfError ?? 0;
    this.refreshBackoffSeconds = given.refreshBackoffSeconds ?? base.refreshBackoffSeconds ?? REFRESH_BACKOFF_SECONDS;
    this.softTimeoutMs = given.softTimeoutMs ?? base.softTimeoutMs;
    this.hardTimeoutMs = given.hardTimeoutMs ?? base.hardTimeoutMs;
    this.negativeTtlSeconds = given.negativeTtlSeconds ?? base.negativeTtlSeconds;
    this.ttlJitter = given.ttlJitter ?? base.ttlJitter ?? 0;
    this.earlyRefresh = given.earlyRefresh ?? base.earlyRefresh ?? 0;
    this.singleFlight = given.singleFlight ?? base.singleFlight ?? 'request';
    this.joinTimeoutMs = given.joinTimeoutMs ?? base.joinTimeoutMs ?? JOIN_TIMEOUT_MS;
    this.awaitWrites = given.awaitWrites ?? base.awaitWrites ?? true;
    this.codec = given.codec ?? base.codec;
    const { tags = base.tags } = given;
    this.tags = Array.isArray(tags) ? checkTags(tags) : tags;
    this.cacheIf = given.cacheIf ?? base.cacheIf;
    this.schema = given.schema ?? base.schema;
    this.forceFresh = given.forceFresh ?? base.forceFresh ?? false;
    this.bypass = given.bypass ?? base.bypass ?? false;
  }
}

/** Options that may be given as `undefined`. */
type PolicyOptions = {
  readonly [Option in keyof GetOrSetOptions<unknown>]?: GetOrSetOptions<unknown>[Option] | undefined;
};

type Rule = readonly [isGood: (value: unknown) => boolean, bounds: string];
type ClientOption = Exclude<keyof CacheClientOptions, keyof CachePolicyOptions | 'timeoutMs' | 'events'>;

/** What each option takes; the words end the sentence of a refusal. */
const RULES: Readonly<Record<keyof GetOrSetOptions<unknown>, Rule>> = {
  staleWhileRevalidate: [isWithin(0, MAX_TTL_SECONDS), `seconds from 0 to ${MAX_TTL_SECONDS}`],
  staleIfError: [isWithin(0, MAX_TTL_SECONDS), `seconds from 0 to ${MAX_TTL_SECONDS}`],
  refreshBackoffSeconds: [isWithin(0, MAX_TTL_SECONDS), `seconds from 0 to ${MAX_TTL_SECONDS}`],
  softTimeoutMs: [isTimeout, `milliseconds above 0 and at most ${MAX_TIMEOUT_MS}`],
  hardTimeoutMs: [isTimeout, `milliseconds above 0 and at most ${MAX_TIMEOUT_MS}`],
  joinTimeoutMs: [isTimeout, `milliseconds above 0 and at most ${MAX_TIMEOUT_MS}`],
  negativeTtlSeconds: [isSeconds, `seconds as an integer from 1 to ${MAX_TTL_SECONDS}`],
  ttlJitter: [isWithin(0, MAX_TTL_JITTER), `a share of the TTL from 0 to ${MAX_TTL_JITTER}`],
  earlyRefresh: [isWithin(0, MAX_EARLY_REFRESH), `a factor from 0 to ${MAX_EARLY_REFRESH}`],
  singleFlight: [(value) => value === 'request' || value === 'isolate', `'request' or 'isolate'`],
  awaitWrites: [isOf('boolean'), 'true or false'],
  forceFresh: [isOf('boolean'), 'true or false'],
  bypass: [isOf('boolean'), 'true or false'],
  cacheIf: [isOf('function'), 'a function'],
  codec: [hasMethods('encode', 'decode'), 'an object with encode and decode'],
  schema: [isSchema, 'a Standard Schema'],
  tags: [
    (value) => Array.isArray(value) || typeof value === 'function',
    'a list of names, or a function that gives one',
  ],
};

/**
 * Refuses options that no call can follow. Names that are no options are refused as well: a misspelt bound would be none.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, naming the option, the value and the bounds.
 */
export function checkGetOrSetOptions(options: unknown): asserts options is GetOrSetOptions<unknown> {
  if (typeof options !== 'object' || options === null) {
    throw new CloudflareClientError('INVALID_OPTION', `Options of type ${typeof options} are refused: give an object.`);
  }
  for (const option of Object.keys(options)) {
    const value = (options as Record<string, unknown>)[option];
    const rule = (RULES as Partial<typeof RULES>)[option as keyof typeof RULES];
    if (rule === undefined) throw new CloudflareClientError('INVALID_OPTION', `There is no option ${option}.`);
    if (value !== undefined && !rule[0](value)) throw refusal(option, value, rule[1]);
  }
  const { tags } = options as GetOrSetOptions<unknown>;
  if (Array.isArray(tags)) checkTags(tags);
}

const CLIENT_RULES: Readonly<Record<ClientOption, Rule>> = {
  eventKeys: [(value) => value === 'prefix' || value === 'hash' || value === 'raw', `'prefix', 'hash' or 'raw'`],
  now: [isOf('function'), 'a function'],
  random: [isOf('function'), 'a function'],
  waitUntil: [isOf('function'), 'a function, such as (work) => ctx.waitUntil(work)'],
  memo: [isOf('boolean'), 'true or false'],
  clearable: [isOf('boolean'), 'true or false'],
  memory: [hasMethods('get', 'set', 'delete', 'deletePrefix'), 'what memoryTier() makes'],
  cacheTtlSeconds: [isEdgeTtl, `seconds as an integer from ${MIN_EDGE_TTL_SECONDS} to ${MAX_TTL_SECONDS}`],
  budget: [hasMethods('take'), 'an OperationBudget'],
};

/**
 * The policy of a client: its options over the defaults. The client's other options are checked as well, but for those that its access to
 * KV checks.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, naming the option, the value and the bounds.
 */
export function clientPolicy(options: CacheClientOptions): CachePolicy {
  let hasPolicy = false;
  for (const option of Object.keys(options)) {
    const value = (options as Record<string, unknown>)[option];
    if (value === undefined) continue;
    const ofCalls = (RULES as Partial<typeof RULES>)[option as keyof typeof RULES];
    const rule = ofCalls ?? (CLIENT_RULES as Partial<typeof CLIENT_RULES>)[option as ClientOption];
    if (rule !== undefined && !rule[0](value)) throw refusal(option, value, rule[1]);
    hasPolicy ||= ofCalls !== undefined;
  }
  return hasPolicy ? new CachePolicy(NO_OPTIONS, options) : DEFAULTS;
}

const NO_OPTIONS: PolicyOptions = {};
const DEFAULTS = new CachePolicy(NO_OPTIONS, NO_OPTIONS);
const checked = new WeakSet();

/** The policy of one call. Frozen options, as decorators hand them over, are checked once. */
export function callPolicy<T>(defaults: CachePolicy, options: GetOrSetOptions<T>): CachePolicy {
  if (!checked.has(options)) {
    checkGetOrSetOptions(options);
    if (Object.isFrozen(options)) checked.add(options);
  }
  return new CachePolicy(defaults, options as GetOrSetOptions<unknown>);
}

const SET_OPTIONS: readonly string[] = ['tags', 'staleWhileRevalidate', 'staleIfError', 'codec'];

/** The policy of one `set`. */
export function setPolicy(defaults: CachePolicy, options: CacheSetOptions): CachePolicy {
  const policy = callPolicy(defaults, options);
  for (const option of Object.keys(options)) {
    if (!SET_OPTIONS.includes(option))
      throw new CloudflareClientError('INVALID_OPTION', `set has no option ${option}.`);
  }
  if (typeof options.tags === 'function') throw refusal('tags', options.tags, 'a list of names');
  return policy;
}

/** What a caller who joins another's load would notice: how long it waits for the loader, and how the text is read. */
const NOTICED_OF_LOADS = ['hardTimeoutMs', 'codec', 'schema'] as const satisfies readonly (keyof CachePolicy)[];
/** What a caller who joins another's call would notice besides: the bounds of what is served. */
const NOTICED_OF_READS = [
  'staleWhileRevalidate',
  'staleIfError',
  'softTimeoutMs',
] as const satisfies readonly (keyof CachePolicy)[];

/** Whether two callers would be given the same by the same load. */
export function isSameLoad(one: CachePolicy, two: CachePolicy): boolean {
  return one === two || NOTICED_OF_LOADS.every((option) => one[option] === two[option]);
}

/** Whether two callers would be given the same by the same read and load. */
export function isSameCall(one: CachePolicy, two: CachePolicy): boolean {
  if (one === two) return true;
  const areSameBounds = NOTICED_OF_READS.every((option) => one[option] === two[option]);
  return areSameBounds && isSameLoad(one, two) && areSameTags(one.tags, two.tags);
}

function areSameTags(one: CachePolicy['tags'], two: CachePolicy['tags']): boolean {
  if (typeof one !== 'object' || typeof two !== 'object') return typeof one === typeof two;
  return one.length === two.length && one.every((tag, index) => tag === two[index]);
}

/** Seconds after its TTL for which an entry may still be of use. */
export function staleSeconds({ staleWhileRevalidate, staleIfError }: CachePolicy): number {
  return Math.max(staleWhileRevalidate, staleIfError);
}

function refusal(option: string, value: unknown, bounds: string): CloudflareClientError {
  const isShown = typeof value === 'number' || typeof value === 'boolean';
  const shown = isShown ? String(value) : `of type ${value === null ? 'null' : typeof value}`;
  return new CloudflareClientError('INVALID_OPTION', `Option ${option} ${shown} is refused: give ${bounds}.`);
}

function isWithin(minimum: number, maximum: number) {
  return (value: unknown): boolean => typeof value === 'number' && value >= minimum && value <= maximum;
}

function isTimeout(value: unknown): boolean {
  return typeof value === 'number' && value > 0 && value <= MAX_TIMEOUT_MS;
}

function isSeconds(value: unknown): boolean {
  return Number.isInteger(value) && isWithin(1, MAX_TTL_SECONDS)(value);
}

function isEdgeTtl(value: unknown): boolean {
  return Number.isInteger(value) && isWithin(MIN_EDGE_TTL_SECONDS, MAX_TTL_SECONDS)(value);
}

function isOf(type: 'boolean' | 'function') {
  return (value: unknown): boolean => typeof value === type;
}

function hasMethods(...methods: string[]) {
  return (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function');
}

function isSchema(value: unknown): boolean {
  // Some libraries' schemas are functions.
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return hasMethods('validate')((value as { '~standard'?: unknown })['~standard']);
}
