/*
 * What workerd 1.20260730.1 and Miniflare 4.20260730.0 refuse, with their texts: measured, research/caching.md section 3.
 */

const MAX_KEY_BYTES = 512;
const MAX_VALUE_BYTES = 25 * 1024 * 1024;
const MAX_METADATA_BYTES = 1024;
const MIN_TTL_SECONDS = 60;
const MIN_CACHE_TTL_SECONDS = 30;
const MAX_LIST_KEYS = 1000;
const MAX_INT32 = 2_147_483_647;

const encoder = new TextEncoder();
const INTEGER_HINT = 'Please specify integer greater than';

/** A failure as the platform words it: the message is the only code there is. */
export function platformError(method: string, status: number, text: string): Error {
  return new Error(`KV ${method} failed: ${status} ${text}`);
}

/** Makes a key of whatever was given, and refuses what a single-key operation refuses. */
export function toKey(key: unknown, method: 'GET' | 'PUT' | 'DELETE'): string {
  const name = String(key);
  if (name === '') throw new TypeError('Key name cannot be empty.');
  if (name === '.' || name === '..') throw new TypeError(`"${name}" is not allowed as a key name.`);
  checkKeyBytes(name, method);
  if (/\p{Surrogate}/u.test(name)) throw platformError(method, 400, 'Could not URL-decode key name');
  return name;
}

/** Refuses what a bulk read refuses, and mangles what it mangles. */
export function toBulkKeys(keys: readonly unknown[], type: string): string[] {
  const names = keys.map((key) => mangleSurrogates(String(key)));
  const refuse = (text: string): Error => platformError('GET_BULK', 400, text);
  if (type !== 'text' && type !== 'json') throw refuse(`"${type}" is not a valid type. Use "json" or "text"`);
  if (names.length > 100) throw refuse('You can request a maximum of 100 keys');
  if (names.length < 1) throw refuse('You must request a minimum of 1 key');
  for (const name of names) {
    if (name === '') throw refuse('Key names must not be empty');
    if (name === '.' || name === '..') throw refuse(`Illegal key name "${name}". Please use a different name.`);
    checkKeyBytes(name, 'GET_BULK');
  }
  return names;
}

/** Whether a bulk read leaves `key` out of its answer: workerd walks object properties and skips array indexes. */
export function isDroppedByBulk(key: string): boolean {
  const index = Number(key) >>> 0;
  return key === '__proto__' || (String(index) === key && index !== 0xffffffff);
}

/** Refuses a prefix that is too long. */
export function checkKeyBytes(text: string, method: string): void {
  const bytes = encoder.encode(text).byteLength;
  if (bytes <= MAX_KEY_BYTES) return;
  const message = `UTF-8 encoded length of ${bytes} exceeds key length limit of ${MAX_KEY_BYTES}.`;
  throw platformError(method, 414, message);
}

/** The cache TTL that a read asks for in seconds, `undefined` for none; one below 30 is refused. */
export function toCacheTtl(cacheTtl: unknown, method: 'GET' | 'GET_BULK'): number | undefined {
  if (cacheTtl === undefined) return undefined;
  const seconds = toInt32(cacheTtl);
  if (seconds >= MIN_CACHE_TTL_SECONDS) return seconds;
  throw platformError(
    method,
    400,
    `Invalid cache_ttl of ${seconds}. Cache TTL must be at least ${MIN_CACHE_TTL_SECONDS}.`,
  );
}

/** The expiry of a write in seconds since the epoch, or `undefined`. Given both, the TTL wins. */
export function toExpiration(
  nowSeconds: number,
  options: { expirationTtl?: unknown; expiration?: unknown },
): number | undefined {
  const { expirationTtl, expiration } = options;
  if (expirationTtl !== undefined) {
    const ttl = toInt32(expirationTtl);
    const invalid = `Invalid expiration_ttl of ${ttl}.`;
    if (ttl <= 0) throw platformError('PUT', 400, `${invalid} ${INTEGER_HINT} 0.`);
    if (ttl >= MIN_TTL_SECONDS) return nowSeconds + ttl;
    throw platformError('PUT', 400, `${invalid} Expiration TTL must be at least ${MIN_TTL_SECONDS}.`);
  }
  if (expiration === undefined) return undefined;
  const at = toInt32(expiration);
  const invalid = `Invalid expiration of ${at}.`;
  if (at <= nowSeconds) {
    throw platformError('PUT', 400, `${invalid} ${INTEGER_HINT} the current number of seconds since the UNIX epoch.`);
  }
  if (at >= nowSeconds + MIN_TTL_SECONDS) return at;
  const message = `${invalid} Expiration times must be at least ${MIN_TTL_SECONDS} seconds in the future.`;
  throw platformError('PUT', 400, message);
}

/** Metadata as JSON, or `undefined` for none. */
export function toMetadataText(metadata: unknown): string | undefined {
  if (metadata === undefined) return undefined;
  const text = JSON.stringify(metadata) as string | undefined;
  if (text === undefined) throw platformError('PUT', 500, 'Internal Server Error');
  const bytes = encoder.encode(text).byteLength;
  if (bytes <= MAX_METADATA_BYTES) return text;
  throw platformError('PUT', 413, `Metadata length of ${bytes} exceeds limit of ${MAX_METADATA_BYTES}.`);
}

/** The bytes of a value. Primitives become their text, so that `null` is stored as "null"; plain objects are refused. */
export async function toBytes(value: unknown): Promise<Uint8Array> {
  const bytes = await encodeValue(value);
  if (bytes.byteLength <= MAX_VALUE_BYTES) return bytes;
  throw platformError('PUT', 413, `Value length of ${bytes.byteLength} exceeds limit of ${MAX_VALUE_BYTES}.`);
}

/** The page size of a listing: 0, less, and what is no number stand for the default. */
export function toPageSize(limit: unknown): number {
  const size = limit === undefined || limit === null ? 0 : toInt32(limit);
  if (size <= 0) return MAX_LIST_KEYS;
  if (size <= MAX_LIST_KEYS) return size;
  const message = `Invalid key_count_limit of ${size}. Please specify an integer less than ${MAX_LIST_KEYS}.`;
  throw platformError('GET', 400, message);
}

async function encodeValue(value: unknown): Promise<Uint8Array> {
  if (typeof value === 'string') return encoder.encode(mangleSurrogates(value));
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0));
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
  if (value instanceof ReadableStream) return new Uint8Array(await new Response(value).arrayBuffer());
  if (typeof value === 'symbol') throw new TypeError('Cannot convert a Symbol value to a string');
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
    return encoder.encode(String(value));
  throw new TypeError('KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.');
}

/** Half of a surrogate pair is written as the three bytes that it would take, which read back as three U+FFFD. */
function mangleSurrogates(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd\ufffd\ufffd');
}

function toInt32(value: unknown): number {
  const number = Math.trunc(Number(value));
  if (!Number.isFinite(number)) return 0;
  if (Math.abs(number) <= MAX_INT32) return number;
  throw new TypeError(`Value out of range. Must be between ${-MAX_INT32 - 1} and ${MAX_INT32} (inclusive).`);
}
