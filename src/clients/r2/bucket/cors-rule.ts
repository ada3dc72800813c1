import { CloudflareClientError } from '../../../errors.js';
import { shown } from '../object-names.js';

/** Which browsers' requests from other origins a bucket answers. */
export interface R2CorsRule {
  /** Names the rule within its bucket: 1 to 255 characters. A rule without one is known by what it says. */
  readonly id?: string | undefined;
  /** `scheme://host[:port]` without a path, with one `*` at most, or `*` alone. */
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly R2CorsMethod[];
  /**
   * Request headers that a browser may send; it names them in its preflight.
   *
   * @default []
   */
  readonly allowedHeaders?: readonly string[] | undefined;
  /**
   * Response headers that a script may read. Uploads in parts need `ETag`.
   *
   * @default []
   */
  readonly exposeHeaders?: readonly string[] | undefined;
  /** How long a browser may keep the answer to a preflight, in seconds: 0 to 86,400. @default the browser's own */
  readonly maxAgeSeconds?: number | undefined;
}

/** What a CORS rule can allow. */
export type R2CorsMethod = 'GET' | 'PUT' | 'POST' | 'DELETE' | 'HEAD';

/** S3's bound on the CORS rules of a bucket. */
export const MAX_CORS_RULES = 100;

const MAX_ID_CHARACTERS = 255;
const MAX_AGE_SECONDS = 86_400;
const METHODS: readonly string[] = ['GET', 'PUT', 'POST', 'DELETE', 'HEAD'];
const ORIGIN = /^(?:\*|[a-z][a-z0-9+.-]*:\/\/[^\s/?#*]*\*?[^\s/?#*]*)$/i;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const CONTROL_CHARACTER = /[\p{Cc}\p{Surrogate}\ufffe\uffff]/u;

/**
 * Checks rules and brings each into one form.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION` naming the rule and the field.
 */
export function checkCorsRules(rules: readonly R2CorsRule[]): R2CorsRule[] {
  if (!Array.isArray(rules)) throw invalid(`rules ${shown(rules)} must be an array`);
  const checked = rules.map(checkRule);
  const ids = checked.flatMap(({ id }) => (id === undefined ? [] : [id]));
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw invalid(`CORS rule ${shown(twice)} is given twice`);
  if (checked.length > MAX_CORS_RULES) {
    throw invalid(`${checked.length} CORS rules are more than the ${MAX_CORS_RULES} that a bucket takes`);
  }
  return checked;
}

function checkRule(rule: R2CorsRule, index: number): R2CorsRule {
  const name = `rules[${index}]`;
  if (typeof rule !== 'object' || (rule as unknown) === null) throw invalid(`${name} must be an object`);
  const { id, allowedOrigins, allowedMethods, allowedHeaders = [], exposeHeaders = [], maxAgeSeconds } = rule;
  checkId(`${name}.id`, id);
  checkList(`${name}.allowedOrigins`, allowedOrigins, ORIGIN, 'must be scheme://host[:port] without a path, or *');
  checkList(`${name}.allowedHeaders`, allowedHeaders, HEADER_NAME, 'must be the name of a header');
  checkList(`${name}.exposeHeaders`, exposeHeaders, HEADER_NAME, 'must be the name of a header');
  checkMethods(`${name}.allowedMethods`, allowedMethods);
  if (allowedOrigins.length === 0 || allowedMethods.length === 0) {
    throw invalid(`${name} must allow at least one origin and one method`);
  }
  checkMaxAge(`${name}.maxAgeSeconds`, maxAgeSeconds);
  // The order of these fields is the form: rules are compared by their JSON.
  return {
    ...(id !== undefined && { id }),
    allowedOrigins: [...allowedOrigins],
    allowedMethods: [...allowedMethods],
    allowedHeaders: [...allowedHeaders],
    exposeHeaders: [...exposeHeaders],
    ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
  };
}

function checkId(name: string, id: unknown): void {
  if (id === undefined) return;
  if (typeof id === 'string' && id !== '' && id.length <= MAX_ID_CHARACTERS && !CONTROL_CHARACTER.test(id)) return;
  throw invalid(`${name} ${shown(id)} must be 1 to ${MAX_ID_CHARACTERS} characters`);
}

function checkList(name: string, list: unknown, pattern: RegExp, why: string): void {
  if (!Array.isArray(list)) throw invalid(`${name} ${shown(list)} must be an array`);
  const wrong = (list as unknown[]).find((value) => typeof value !== 'string' || !pattern.test(value));
  if (wrong !== undefined) throw invalid(`${name} ${shown(wrong)} ${why}`);
}

function checkMethods(name: string, methods: unknown): void {
  if (!Array.isArray(methods)) throw invalid(`${name} ${shown(methods)} must be an array`);
  const wrong = (methods as unknown[]).find((method) => !METHODS.includes(String(method)));
  if (wrong !== undefined) throw invalid(`${name} ${shown(wrong)} must be GET, PUT, POST, DELETE or HEAD`);
}

function checkMaxAge(name: string, seconds: number | undefined): void {
  if (seconds === undefined || (Number.isSafeInteger(seconds) && seconds >= 0 && seconds <= MAX_AGE_SECONDS)) return;
  throw invalid(`${name} ${shown(seconds)} must be an integer from 0 to ${MAX_AGE_SECONDS}`);
}

function invalid(why: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_OPTION', `${why}.`);
}
