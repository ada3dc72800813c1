import { CloudflareClientError } from '../../../errors.js';
import { checkOptions } from '../check-options.js';
import { checkBucket, checkKey, checkPrefix, invalidPrefix, shown } from '../object-names.js';
import type { R2Client } from '../r2-client.js';
import { integerOption, type ResolvedR2Config } from '../r2-config.js';
import { internalsOf } from '../r2-internals.js';
import { HmacSha256 } from './hmac-sha256.js';
import { signingTime } from './presigner.js';
import { digestToBytes, digestToHex, sha256 } from './sha256.js';
import { checkBoolean } from './upload-limits.js';

/** What temporary credentials may do: no more than the token that they are made from. */
export type R2Permission = 'object-read-only' | 'object-read-write' | 'admin-read-only' | 'admin-read-write';

/** What temporary credentials grant. */
export interface R2TemporaryCredentialsOptions {
  /** The one bucket that they reach. */
  readonly bucket: string;
  /** Those that begin with `admin` reach the settings of the bucket (CORS, lifecycle): only with `wholeBucket`. */
  readonly permission: R2Permission;
  /**
   * Operations of the S3 API, such as `GetObject`, to which the permission is narrowed.
   *
   * @default all that the permission allows
   */
  readonly actions?: readonly string[] | undefined;
  /** Only keys that begin with one of these; each ends in `/`, because `a/1` would also reach `a/10`. @default none */
  readonly prefixes?: readonly string[] | undefined;
  /** Only these keys, beside the prefixes. @default none */
  readonly objects?: readonly string[] | undefined;
  /**
   * Must be `true` where there are neither `prefixes` nor `objects`.
   *
   * @default false
   */
  readonly wholeBucket?: boolean | undefined;
  /** Seconds that they live: an integer from 1 to 604,800 (seven days). */
  readonly ttlSeconds: number;
}

/**
 * Temporary credentials, ready as the config of an `R2Client` or for an S3 client of another kind. They hold nothing from which the
 * parent's secret could be had.
 */
export interface R2TemporaryCredentials {
  readonly accountId: string;
  /** Base URL of the S3 endpoint that they are for. */
  readonly endpoint: string;
  /** That of the parent. */
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** When they stop working. */
  readonly expiresAt: Date;
}

/** R2's bound on the life of temporary credentials. */
const MAX_TTL_SECONDS = 604_800;
const PERMISSIONS: readonly unknown[] = [
  'object-read-only',
  'object-read-write',
  'admin-read-only',
  'admin-read-write',
];
const ACTION = /^[A-Z][A-Za-z0-9]{2,63}$/;

/**
 * Makes temporary credentials from those of the client, without a request: for a browser or a transcoder that may reach one
 * prefix for some minutes (https://developers.cloudflare.com/r2/api/s3/temporary-credentials/).
 *
 * They cannot be revoked but with the parent's token; let them live no longer than the work.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_PREFIX`, `INVALID_KEY`; `INVALID_ARGUMENT` when the client has temporary
 * credentials itself; `MISSING_CREDENTIALS` when it has none.
 *
 * @example
 * ```ts
 * const credentials = await temporaryCredentials(r2, {
 *   bucket: 'codex-media-production',
 *   permission: 'object-read-write',
 *   prefixes: [`${creatorId}/originals/${mediaId}/`],
 *   ttlSeconds: 900,
 * });
 * const uploader = new R2Client(credentials);
 * ```
 */
export function temporaryCredentials(
  r2: R2Client,
  options: R2TemporaryCredentialsOptions,
): Promise<R2TemporaryCredentials> {
  return new Promise((resolve) => {
    const { connection } = internalsOf(r2);
    resolve(mint(connection.config, checkOptions(options), signingTime(connection.options.now())));
  });
}

function mint(config: ResolvedR2Config, options: R2TemporaryCredentialsOptions, now: number): R2TemporaryCredentials {
  const { accountId, accessKeyId, secretAccessKey, endpoint } = config;
  if (config.sessionToken !== undefined) {
    throw new CloudflareClientError(
      'INVALID_ARGUMENT',
      'temporaryCredentials needs a client with the keys of an API token; this one has temporary credentials.',
    );
  }
  const grant = checkGrant(options);
  const ttlSeconds = integerOption('ttlSeconds', options.ttlSeconds, MAX_TTL_SECONDS);
  const issuedAt = Math.floor(now / 1000);
  const expiry = issuedAt + ttlSeconds;
  const claims = {
    ...grant,
    sub: accountId,
    iss: accessKeyId,
    aud: new URL(endpoint).host,
    iat: issuedAt,
    exp: expiry,
  };
  const jwt = signJwt(claims, secretAccessKey);
  return {
    accountId,
    endpoint,
    accessKeyId,
    secretAccessKey: digestToHex(sha256(jwt)),
    sessionToken: btoa(`jwt/${jwt}`),
    expiresAt: new Date(expiry * 1000),
  };
}

function checkGrant(options: R2TemporaryCredentialsOptions): object {
  const { bucket, permission, actions, prefixes, objects, wholeBucket = false } = options;
  checkBucket(bucket);
  checkBoolean('wholeBucket', wholeBucket);
  if (!PERMISSIONS.includes(permission)) {
    throw new CloudflareClientError(
      'INVALID_OPTION',
      `permission ${shown(permission)} must be one of ${PERMISSIONS.join(', ')}.`,
    );
  }
  checkList('actions', actions, checkAction);
  checkList('prefixes', prefixes, checkScopePrefix);
  checkList('objects', objects, (key) => checkKey(key, 'objects'));
  const confined = prefixes !== undefined || objects !== undefined;
  if (confined === wholeBucket) {
    throw new CloudflareClientError(
      'INVALID_OPTION',
      'temporaryCredentials takes prefixes or objects, or else wholeBucket: true.',
    );
  }
  if (confined && permission.startsWith('admin-')) {
    throw new CloudflareClientError(
      'INVALID_OPTION',
      `permission ${permission} reaches the settings of the whole bucket, which prefixes and objects do not confine.`,
    );
  }
  const paths = {
    ...(prefixes !== undefined && { prefixPaths: [...prefixes] }),
    ...(objects !== undefined && { objectPaths: [...objects] }),
  };
  return {
    bucket,
    scope: permission,
    ...(actions !== undefined && { actions: [...actions] }),
    ...(confined && { paths }),
  };
}

/** An empty list is refused: it could be read as nothing, and as everything. */
function checkList(name: string, list: unknown, check: (entry: unknown) => void): void {
  if (list === undefined) return;
  if (!Array.isArray(list) || list.length === 0) {
    throw new CloudflareClientError('INVALID_OPTION', `${name} must be an array of one entry at least.`);
  }
  for (const entry of list as unknown[]) check(entry);
}

function checkAction(action: unknown): void {
  if (typeof action === 'string' && ACTION.test(action)) return;
  throw new CloudflareClientError('INVALID_OPTION', `action ${shown(action)} is no operation such as GetObject.`);
}

function checkScopePrefix(prefix: unknown): void {
  checkPrefix(prefix);
  if (!prefix.endsWith('/')) throw invalidPrefix(prefix, 'must end in /; single keys go into objects');
}

/** HS256, as RFC 7515 has it. */
function signJwt(claims: object, secret: string): string {
  const text = `${base64Url(JSON.stringify({ alg: 'HS256', typ: 'JWT' }))}.${base64Url(JSON.stringify(claims))}`;
  return `${text}.${base64Url(digestToBytes(new HmacSha256(secret).digest(text)))}`;
}

function base64Url(content: string | Uint8Array): string {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
