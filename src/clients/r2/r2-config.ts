import { CloudflareClientError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import { checkFunction, checkOptions } from './check-options.js';
import { isBucketName, shown } from './object-names.js';
import type { R2BucketLike } from './store/r2-bucket.js';

/** Where a bucket's data stays. A bucket is reachable only through the endpoint of its own jurisdiction. */
export type R2Jurisdiction = 'default' | 'eu' | 'fedramp' | 'us';

/** Account and credentials of an R2 API token (https://developers.cloudflare.com/r2/api/tokens/). */
export interface R2ClientConfig {
  /** The Cloudflare account id: letters and digits. */
  readonly accountId: string;
  /** The token's access key id. */
  readonly accessKeyId: string;
  /** The token's secret. It never appears in a message or an event. */
  readonly secretAccessKey: string;
  /**
   * Base URL of another S3 server, such as a local one; may carry a path, but no query.
   *
   * @default the account's R2 endpoint in the given jurisdiction
   */
  readonly endpoint?: string | undefined;
  /**
   * The jurisdiction that the buckets were made in; ignored when there is an `endpoint`.
   *
   * @default 'default'
   */
  readonly jurisdiction?: R2Jurisdiction | undefined;
  /**
   * The session token of temporary credentials (https://developers.cloudflare.com/r2/api/s3/temporary-credentials/). It is a secret too.
   *
   * @default none: the credentials are those of an API token
   */
  readonly sessionToken?: string | undefined;
  /**
   * Buckets that are bound in the Worker, by their names: `{ 'codex-media-production': env.MEDIA }`. Their objects are read
   * and written by the binding, without signing and without HTTP; signed URLs and all other buckets use S3.
   *
   * @default none
   */
  readonly bindings?: Readonly<Record<string, R2BucketLike>> | undefined;
}

/**
 * A config without an API token, for a client of bound buckets alone. What needs a token (signed URLs, settings, buckets that
 * are not bound) rejects with `MISSING_CREDENTIALS`.
 */
export interface R2BindingsConfig extends Partial<Omit<R2ClientConfig, 'bindings'>> {
  /** Buckets that are bound in the Worker, by their names. */
  readonly bindings: Readonly<Record<string, R2BucketLike>>;
}

/** How an `R2Client` behaves. */
export interface R2ClientOptions {
  /** Receives what the client could do without: a multipart upload that could not be aborted. */
  readonly events?: EventSink | undefined;
  /**
   * Milliseconds since the epoch; signed URLs are dated by it.
   *
   * @default Date.now
   */
  readonly now?: (() => number) | undefined;
  /**
   * Milliseconds without progress (no response, no byte up or down) after which a request is given up: 1 to 600,000.
   *
   * @default 60_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How often one request is sent at most, and one key of a bulk deletion tried: 1 to 10. The body of a stream that is
   * larger than 8 MiB and has a known length can be read only once, so its request is sent only once; bytes and Blobs are
   * sent again. A `Retry-After` of the server is obeyed for 5 seconds at most.
   *
   * @default 3
   */
  readonly maxAttempts?: number | undefined;
  /**
   * Waits between two tries of keys that a bulk deletion could not delete.
   *
   * @default setTimeout
   */
  readonly wait?: ((milliseconds: number) => Promise<void>) | undefined;
}

/** A checked config: nothing optional. */
export interface ResolvedR2Config {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly accountId: string;
  readonly sessionToken: string | undefined;
}

/** What stands in for a config that has bindings and no, or not all, credentials. */
export interface MissingR2Config {
  /** Names of the fields. */
  readonly missing: readonly string[];
}

/** Checked options: nothing optional but the sink. */
export interface ResolvedR2Options {
  readonly events: EventSink | undefined;
  readonly now: () => number;
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly wait: (milliseconds: number) => Promise<void>;
}

const MAX_TIMEOUT_MS = 600_000;
const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_ATTEMPTS = 10;
const DEFAULT_ATTEMPTS = 3;
const ACCOUNT_ID = /^[A-Za-z0-9_-]{1,64}$/;
// Ends up in a header, so it must be what a header carries.
const CREDENTIAL = /^[\u0021-\u007e]+$/;
const JURISDICTIONS: readonly unknown[] = ['default', 'eu', 'fedramp', 'us'];

/**
 * Checks a config and works out its endpoint.
 *
 * @returns the checked config, or, where there are bindings, what is missing of it.
 * @throws {CloudflareClientError} `INVALID_CONFIG` naming the field, never its value where that is a credential.
 */
export function resolveR2Config(config: R2ClientConfig | R2BindingsConfig): ResolvedR2Config | MissingR2Config {
  if (typeof config !== 'object' || (config as unknown) === null) {
    throw invalid('the R2 config', 'must be an object');
  }
  checkBindings(config.bindings);
  // A Worker without the variables has undefined here.
  const { accountId, accessKeyId, secretAccessKey, sessionToken, jurisdiction = 'default' } = config;
  const missing = Object.entries({ accountId, accessKeyId, secretAccessKey }).filter(
    ([, value]) => value === undefined,
  );
  if (config.bindings !== undefined && missing.length > 0) return { missing: missing.map(([name]) => name) };
  if (typeof accountId !== 'string' || !ACCOUNT_ID.test(accountId)) {
    throw invalid('accountId', 'must be the Cloudflare account id: letters and digits, no host name');
  }
  checkCredential('accessKeyId', accessKeyId);
  checkCredential('secretAccessKey', secretAccessKey);
  if (sessionToken !== undefined) checkCredential('sessionToken', sessionToken);
  if (!JURISDICTIONS.includes(jurisdiction)) {
    throw invalid('jurisdiction', `must be default, eu, fedramp or us, not ${shown(jurisdiction)}`);
  }
  const endpoint = config.endpoint === undefined ? r2Endpoint(accountId, jurisdiction) : checkEndpoint(config.endpoint);
  return { endpoint, accountId, accessKeyId, secretAccessKey, sessionToken };
}

/**
 * Checks options and fills in the defaults.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function resolveR2Options(options: R2ClientOptions): ResolvedR2Options {
  const { events, now = Date.now, wait = waitByTimer } = checkOptions(options, 'the R2 options');
  checkFunction('now', now);
  checkFunction('wait', wait);
  return {
    events,
    now,
    wait,
    timeoutMs: integerOption('timeoutMs', options.timeoutMs ?? DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS),
    maxAttempts: integerOption('maxAttempts', options.maxAttempts ?? DEFAULT_ATTEMPTS, MAX_ATTEMPTS),
  };
}

/**
 * Refuses a value that is not an integer from 1 to `max`.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function integerOption(name: string, value: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return value;
  throw new CloudflareClientError('INVALID_OPTION', `${name} ${shown(value)} must be an integer from 1 to ${max}.`);
}

function checkCredential(name: string, value: unknown): asserts value is string {
  if (typeof value === 'string' && CREDENTIAL.test(value)) return;
  throw invalid(name, 'must be a string without spaces, and not empty');
}

/** Only the names: a binding itself is looked at when it is first used. */
function checkBindings(bindings: unknown): void {
  if (bindings === undefined) return;
  if (typeof bindings !== 'object' || bindings === null || Array.isArray(bindings)) {
    throw invalid('bindings', 'must be an object: the bound buckets by their names');
  }
  const wrong = Object.keys(bindings).find((name) => !isBucketName(name));
  if (wrong !== undefined) throw invalid('bindings', `has ${shown(wrong)}, which is not a bucket name`);
}

function r2Endpoint(accountId: string, jurisdiction: R2Jurisdiction): string {
  const place = jurisdiction === 'default' ? '' : `.${jurisdiction}`;
  return `https://${accountId}${place}.r2.cloudflarestorage.com`;
}

function checkEndpoint(endpoint: unknown): string {
  const url = parseUrl(endpoint);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw invalid('endpoint', 'must be an http or https URL');
  }
  if (url.username !== '' || url.password !== '') throw invalid('endpoint', 'must not carry credentials');
  if (url.search !== '' || url.hash !== '') throw invalid('endpoint', 'must not carry a query or a fragment');
  return url.href.replace(/\/+$/, '');
}

function parseUrl(value: unknown): URL | null {
  try {
    return typeof value === 'string' ? new URL(value) : null;
  } catch {
    return null;
  }
}

function invalid(field: string, why: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_CONFIG', `R2 config: ${field} ${why}.`);
}

function waitByTimer(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
