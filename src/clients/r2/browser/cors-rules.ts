import { CloudflareClientError } from '../../../errors.js';
import type { R2CorsMethod, R2CorsRule } from '../bucket/cors-rule.js';
import { checkOptions } from '../check-options.js';
import { shown } from '../object-names.js';
import { integerOption } from '../r2-config.js';

/**
 * What uploads to the bucket, and so what its CORS must allow. The number is the version of `@uppy/aws-s3`.
 *
 * - `put`: a signed PUT (`getSignedUploadUrl`), with or without `If-None-Match`.
 * - `4`, `5`, `companion`: callbacks, or the handler as Companion: the page itself sends PUTs only.
 * - `6`: `signRequest` and `getCredentials`: the page creates, lists, completes and aborts uploads too.
 */
export type UploadClient = 'put' | 4 | 5 | 6 | 'companion';

/** For which pages, and what they do. */
export interface CorsRulesOptions {
  /** Origins of the pages: `scheme://host[:port]`, exactly as a browser sends them; a rule of R2 matches nothing else. */
  readonly origins: readonly string[];
  /** What uploads. @default 'put' */
  readonly uppy?: UploadClient | undefined;
  /** Further request headers that pages send, such as `x-amz-meta-title`. @default [] */
  readonly headers?: readonly string[] | undefined;
  /** Adds a rule for reading: GET and HEAD with `Range`, as players need it. @default false */
  readonly read?: boolean | undefined;
  /** Seconds that a browser keeps the answer to a preflight: 1 to 86,400. @default 3600 */
  readonly maxAgeSeconds?: number | undefined;
}

/** What a client of uploads needs. */
export interface CorsNeeds {
  readonly methods: readonly R2CorsMethod[];
  readonly headers: readonly string[];
  /** Without these no upload can be completed. */
  readonly exposed: readonly string[];
  /** Read by the client where it can; nothing fails without them. */
  readonly alsoExposed: readonly string[];
}

const DEFAULT_MAX_AGE_SECONDS = 3600;
const MAX_AGE_SECONDS = 86_400;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const UPLOAD_HEADERS: readonly string[] = ['content-type', 'if-none-match'];
const PUT_ONLY: readonly R2CorsMethod[] = ['PUT'];
const METHODS = new Map<unknown, readonly R2CorsMethod[]>([
  ['put', PUT_ONLY],
  [4, PUT_ONLY],
  [5, PUT_ONLY],
  ['companion', PUT_ONLY],
  [6, ['PUT', 'POST', 'GET', 'DELETE']],
]);

/**
 * The CORS rules that a bucket needs for uploads from browsers, and no more: headers by name, because `*` was reported not to work
 * on R2, and `ETag` exposed, without which no upload in parts can be completed. `Content-Length` is the browser's own and needs no leave.
 *
 * @returns one rule, or two with `read`.
 * @throws {CloudflareClientError} `INVALID_OPTION`: an origin with a path or a trailing slash, an unknown `uppy`
 * @example
 * ```ts
 * const rules = corsRules({ origins: ['https://app.example', 'http://localhost:5173'], uppy: 6 });
 * ```
 */
export function corsRules(options: CorsRulesOptions): R2CorsRule[] {
  const { origins, uppy, headers = [], read = false, maxAgeSeconds = DEFAULT_MAX_AGE_SECONDS } = checkOptions(options);
  checkOrigins('origins', origins);
  if (origins.length === 0) throw invalid('origins must name at least one origin');
  const needs = corsNeeds(uppy, headers);
  const upload: R2CorsRule = {
    id: 'browser-uploads',
    allowedOrigins: [...origins],
    allowedMethods: needs.methods,
    allowedHeaders: needs.headers,
    exposeHeaders: [...needs.exposed, ...needs.alsoExposed],
    maxAgeSeconds: integerOption('maxAgeSeconds', maxAgeSeconds, MAX_AGE_SECONDS),
  };
  const reading: R2CorsRule = {
    ...upload,
    id: 'browser-reads',
    allowedMethods: ['GET', 'HEAD'],
    allowedHeaders: ['range', 'if-none-match'],
    exposeHeaders: ['ETag', 'Content-Length', 'Content-Range', 'Accept-Ranges'],
  };
  return read ? [upload, reading] : [upload];
}

/**
 * What the requests of such a client ask of a bucket's CORS.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function corsNeeds(uppy: UploadClient = 'put', headers: readonly string[] = []): CorsNeeds {
  const methods = METHODS.get(uppy);
  if (methods === undefined) throw invalid(`uppy ${shown(uppy)} must be 4, 5, 6, 'companion' or 'put'`);
  checkHeaderNames('headers', headers);
  const all = new Set([...UPLOAD_HEADERS, ...headers.map((name) => name.toLowerCase())]);
  // Uppy 6 asks every refusal for its code there, and browsers complain in the console about a header that is not exposed.
  return { methods, headers: [...all], exposed: ['ETag'], alsoExposed: uppy === 6 ? ['x-amz-error-code'] : [] };
}

/**
 * Refuses what is no list of names of headers; `*` is none.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function checkHeaderNames(name: string, headers: unknown): void {
  if (!Array.isArray(headers)) throw invalid(`${name} ${shown(headers)} must be an array`);
  const isWrong = (entry: unknown): boolean => typeof entry !== 'string' || entry === '*' || !HEADER_NAME.test(entry);
  const wrong = (headers as unknown[]).findIndex(isWrong);
  if (wrong !== -1) throw invalid(`${name}: ${shown((headers as unknown[])[wrong])} is not the name of a header`);
}

/**
 * Refuses what is no origin as a browser sends it.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function checkOrigins(name: string, origins: unknown): void {
  if (!Array.isArray(origins)) throw invalid(`${name} ${shown(origins)} must be an array`);
  // By its place: `[undefined]`, as of a variable that is not set, has a wrong entry too.
  const wrong = (origins as unknown[]).findIndex((origin) => !isOrigin(origin));
  if (wrong === -1) return;
  throw invalid(
    `${name}: ${shown((origins as unknown[])[wrong])} must be scheme://host[:port], as a browser sends it, without a path or a slash`,
  );
}

function isOrigin(value: unknown): boolean {
  try {
    return typeof value === 'string' && /^https?:/.test(value) && new URL(value).origin === value;
  } catch {
    return false;
  }
}

function invalid(why: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_OPTION', `${why}.`);
}
