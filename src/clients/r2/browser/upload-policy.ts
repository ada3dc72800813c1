import { CloudflareClientError } from '../../../errors.js';
import { checkFunction, checkOptions } from '../check-options.js';
import { contentTypeForKey } from '../content-types.js';
import { checkBucket, checkKey, checkPrefix, invalidPrefix, shown } from '../object-names.js';
import { integerOption } from '../r2-config.js';
import { MAX_EXPIRY_SECONDS } from '../signing/presigner.js';
import { MAX_OBJECT_BYTES, MAX_PARTS, MAX_PUT_BYTES, MIN_PART_BYTES } from '../signing/upload-limits.js';
import { safeFileName } from './safe-file-name.js';
import { UploadRefused } from './upload-refused.js';

/** A file as the browser describes it. Nothing of it is trusted. */
export interface UploadFile {
  readonly name?: unknown;
  /** The media type. @default by the extension of the name */
  readonly type?: unknown;
  /** Bytes. */
  readonly size?: unknown;
}

/** What a caller may upload. */
export interface UploadGrant {
  /** What every key of the caller begins with, such as `{creatorId}/originals/{mediaId}/`. Must end in `/` and be in Unicode's form NFC. */
  readonly prefix: string;
  /**
   * Media types that are taken: `image/png`, `video/*`. What the browser declares is compared, and signed: the object is stored
   * as this type and no other. Nobody looks into the file.
   *
   * @default all
   */
  readonly allowedTypes?: readonly string[] | undefined;
  /**
   * Bytes of one file at most. One PUT is signed for its exact size; an upload in parts is measured before it is completed.
   *
   * @default what R2 takes: about 5 GB in one PUT, 5 TB in parts
   */
  readonly maxSizeBytes?: number | undefined;
}

/** How uploads from browsers are signed. */
export interface UploadPolicyOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /**
   * Seconds that a signed URL works for: an integer from 1 to 604,800. An upload that began in time may end later; but Uppy
   * 4 and 5 themselves give up a request that takes longer.
   *
   * @default 3600
   */
  readonly expiresIn?: number | undefined;
  /**
   * Signs `If-None-Match: *` on a single PUT: the URL can store its object once, and replace none; and completes an upload in
   * parts only where there is no object. The rule of the bucket's CORS must allow the header, as that of `corsRules` does.
   *
   * @default true
   */
  readonly writeOnce?: boolean | undefined;
  /**
   * The key below the prefix. Two files must never have the same: take `id` into it.
   *
   * @param file `name` is safe as a segment of a key.
   * @default `{id}-{name}`
   */
  readonly keyFor?:
    ((file: { readonly name: string; readonly type: string; readonly id: string }) => string) | undefined;
  /** Makes the ids of keys. @default crypto.randomUUID */
  readonly newId?: (() => string) | undefined;
}

/** A checked policy for one caller: nothing optional but the limits. */
export interface UploadPolicy {
  readonly bucket: string;
  readonly prefix: string;
  readonly allowedTypes: readonly string[] | undefined;
  readonly maxSizeBytes: number | undefined;
  readonly expiresIn: number;
  readonly writeOnce: boolean;
  readonly keyFor: NonNullable<UploadPolicyOptions['keyFor']>;
  readonly newId: () => string;
}

/** A file that may be stored, and under which key. */
export interface AcceptedFile {
  readonly key: string;
  readonly type: string;
  readonly size: number | undefined;
}

const DEFAULT_EXPIRY_SECONDS = 3600;
const MAX_UPLOAD_ID_CHARACTERS = 2048;
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;
const TYPE_PATTERN = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$/;
const UPLOAD_ID = /^[\u0021-\u007e]+$/;

/**
 * Checks what the app says, once.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_PREFIX`
 */
export function resolvePolicy(options: UploadPolicyOptions & UploadGrant): UploadPolicy {
  const { bucket, prefix, allowedTypes, maxSizeBytes, expiresIn, writeOnce = true } = checkOptions(options);
  const { keyFor = ({ id, name }) => `${id}-${name}`, newId = () => crypto.randomUUID() } = options;
  checkBucket(bucket);
  checkUploadPrefix(prefix);
  checkFunction('keyFor', keyFor);
  checkFunction('newId', newId);
  if (typeof writeOnce !== 'boolean') throw invalid(`writeOnce ${shown(writeOnce)} must be true or false`);
  if (allowedTypes !== undefined) checkAllowedTypes(allowedTypes);
  return {
    bucket,
    prefix,
    allowedTypes: allowedTypes?.map((type) => type.toLowerCase()),
    maxSizeBytes:
      maxSizeBytes === undefined ? undefined : integerOption('maxSizeBytes', maxSizeBytes, MAX_OBJECT_BYTES),
    expiresIn: integerOption('expiresIn', expiresIn ?? DEFAULT_EXPIRY_SECONDS, MAX_EXPIRY_SECONDS),
    writeOnce,
    keyFor,
    newId,
  };
}

/**
 * Decides on a file, and on its key.
 *
 * @throws {CloudflareClientError} an `UploadRefused`: `TYPE_NOT_ALLOWED`, `TOO_LARGE`, `SIZE_REQUIRED`, `BAD_REQUEST`
 */
export function acceptFile(policy: UploadPolicy, file: UploadFile, way: 'put' | 'parts'): AcceptedFile {
  const name = safeFileName(file.name);
  const type = checkType(policy, file.type, name);
  const size = checkSize(policy, file.size, way);
  const path: unknown = policy.keyFor({ name, type, id: policy.newId() });
  const key = `${policy.prefix}${typeof path === 'string' ? path : ''}`;
  checkKey(key);
  if (key.length > policy.prefix.length) return { key, type, size };
  throw invalid(`keyFor answered ${shown(path)}, which is no path below the prefix`);
}

/**
 * Refuses a key that the client named and that is not the caller's.
 *
 * @throws {CloudflareClientError} an `UploadRefused`: `KEY_NOT_ALLOWED`, `BAD_REQUEST`
 */
export function checkClientKey(policy: UploadPolicy, key: unknown): string {
  if (typeof key !== 'string' || key === '') throw new UploadRefused('BAD_REQUEST', 'key is missing.', 'INVALID_KEY');
  if (key.startsWith(policy.prefix) && key.length > policy.prefix.length && isAddressable(key)) return key;
  throw new UploadRefused('KEY_NOT_ALLOWED', `The key ${shown(key)} is not one of yours.`, 'INVALID_KEY');
}

/**
 * Refuses what cannot be the id of an upload.
 *
 * @throws {CloudflareClientError} an `UploadRefused`: `BAD_REQUEST`
 */
export function checkUploadId(uploadId: unknown): string {
  const isId = typeof uploadId === 'string' && uploadId.length <= MAX_UPLOAD_ID_CHARACTERS && UPLOAD_ID.test(uploadId);
  if (isId) return uploadId;
  throw new UploadRefused('BAD_REQUEST', 'uploadId is missing or malformed.');
}

/**
 * Refuses what cannot be the number of a part, and one that a file of the largest size would not need.
 *
 * @throws {CloudflareClientError} an `UploadRefused`: `BAD_REQUEST`, `TOO_LARGE`
 */
export function checkPartNumber({ maxSizeBytes }: UploadPolicy, value: unknown): number {
  const number = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > MAX_PARTS) {
    throw new UploadRefused('BAD_REQUEST', `The part number ${shown(value)} is not an integer from 1 to ${MAX_PARTS}.`);
  }
  if (maxSizeBytes === undefined || number <= Math.ceil(maxSizeBytes / MIN_PART_BYTES)) return number;
  throw new UploadRefused('TOO_LARGE', `Part ${number} is beyond the ${maxSizeBytes} bytes that are allowed.`);
}

/**
 * The size of one part, as the client told it.
 *
 * @throws {CloudflareClientError} an `UploadRefused`: `BAD_REQUEST`, `TOO_LARGE`
 */
export function checkPartSize(policy: UploadPolicy, size: unknown): number | undefined {
  return size === undefined ? undefined : checkSize(policy, size, 'put');
}

function checkType({ allowedTypes }: UploadPolicy, declared: unknown, name: string): string {
  const given = typeof declared === 'string' ? (declared.split(';')[0] ?? '').trim().toLowerCase() : '';
  const type = given === '' ? (contentTypeForKey(name).split(';')[0] ?? '') : given;
  if (!MEDIA_TYPE.test(type)) throw new UploadRefused('BAD_REQUEST', `${shown(declared)} is not a media type.`);
  const fits = (allowed: string): boolean =>
    allowed.endsWith('/*') ? type.startsWith(allowed.slice(0, -1)) : type === allowed;
  if (allowedTypes === undefined || allowedTypes.some(fits)) return type;
  throw new UploadRefused('TYPE_NOT_ALLOWED', `Files of type ${type} are not allowed: ${allowedTypes.join(', ')}.`);
}

function checkSize({ maxSizeBytes }: UploadPolicy, value: unknown, way: 'put' | 'parts'): number | undefined {
  if (value === undefined) {
    if (maxSizeBytes === undefined || way === 'parts') return undefined;
    throw new UploadRefused('SIZE_REQUIRED', 'The size of the file is missing: a limit is set, so it must be told.');
  }
  const size = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new UploadRefused('BAD_REQUEST', `The size ${shown(value)} is not a number of bytes.`);
  }
  const most = Math.min(maxSizeBytes ?? Infinity, way === 'put' ? MAX_PUT_BYTES : MAX_OBJECT_BYTES);
  if (size <= most) return size;
  throw new UploadRefused('TOO_LARGE', `${size} bytes are more than the ${most} that are allowed.`);
}

function checkUploadPrefix(prefix: unknown): asserts prefix is string {
  checkPrefix(prefix);
  if (!prefix.endsWith('/') || prefix.startsWith('/')) {
    throw invalidPrefix(prefix, 'must end in `/` and not begin with it: `u1` would also hold the keys of `u10`');
  }
  if (prefix !== prefix.normalize()) {
    // https://developers.cloudflare.com/r2/reference/unicode-interoperability/
    throw invalidPrefix(prefix, 'is not in Unicode’s normal form C: R2 would take it for the prefix of another caller');
  }
  // Whatever makes a key of it impossible.
  checkKey(`${prefix}x`, 'prefix');
}

function checkAllowedTypes(types: unknown): void {
  const isList = Array.isArray(types) && types.length > 0;
  if (isList && types.every((type) => typeof type === 'string' && TYPE_PATTERN.test(type.toLowerCase()))) return;
  throw invalid('allowedTypes must be a list of media types such as image/png or video/*');
}

function isAddressable(key: string): boolean {
  try {
    checkKey(key);
    return true;
  } catch {
    return false;
  }
}

function invalid(why: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_OPTION', `${why}.`);
}
