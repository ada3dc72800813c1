import { CloudflareClientError } from '../../../errors.js';
import { checkHeaderValue } from '../object-headers.js';
import { checkBucket, checkKey, shown } from '../object-names.js';
import { integerOption } from '../r2-config.js';
import type { R2Connection } from '../s3/r2-connection.js';
import { signingAccountOf } from './signing-account.js';
import { escapeKey, escapeUri, signature } from './sigv4.js';

/** R2's bound on the life of a signed URL (https://developers.cloudflare.com/r2/api/s3/presigned-urls/). */
export const MAX_EXPIRY_SECONDS = 604_800;

/** The last millisecond of the year 9999: dates of requests have four digits for the year. */
const MAX_TIME = 253_402_300_799_999;
const HEADER_NAME = /^[a-z0-9-]+$/;
/** All of S3's own begin so; what does not would stand before the parameters of the signature. */
const QUERY_NAME = /^[a-z]/;

/** How long a signed URL works. */
export interface R2SignedLife {
  /** Seconds that the URL works for at least: an integer from 1 to 604,800. */
  readonly expiresIn: number;
  /**
   * Seconds: the signing date is set back to a multiple of this, and the life is made this much longer, so that all URLs for
   * the same request within the same multiple are the same, byte for byte. Together with `expiresIn` at most 604,800.
   *
   * @default each second has URLs of its own
   */
  readonly roundExpiry?: number | undefined;
}

/** Which requests a signature is for, but the key. */
export interface PresignShape extends R2SignedLife {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  readonly bucket: string;
  /** Parameters of the query; names begin with a lower-case letter. The SDK adds `x-id`, which no server reads. */
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** Headers that the client must send, exactly so. `host` is always signed. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** A request to sign. */
export interface PresignRequest extends PresignShape {
  /** Key of the object; the bucket itself when it is left out. */
  readonly key?: string | undefined;
}

/** Signatures for many keys that differ in nothing else. */
export interface PreparedPresign {
  /** When the URLs stop working. */
  readonly expiresAt: Date;
  /** Signs one. The key was checked by the caller. */
  sign(key: string | undefined): string;
}

/**
 * Signs URLs for R2's S3 endpoint: AWS Signature Version 4 in the query, without the SDK, without `await`, and to the same
 * bytes as the SDK's `getSignedUrl`.
 */
export class Presigner {
  readonly #identity: object;
  readonly #connection: R2Connection;

  /**
   * Computes nothing yet.
   *
   * @param identity the caller's own config object: signing keys are kept for as long as it is.
   * @param connection has the checked config and the clock; nothing is sent by it.
   */
  constructor(identity: object, connection: R2Connection) {
    this.#identity = identity;
    this.#connection = connection;
  }

  /**
   * Signs one URL.
   *
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`
   */
  presign(request: PresignRequest): string {
    if (request.key !== undefined) checkKey(request.key);
    return this.prepare(request).sign(request.key);
  }

  /**
   * Checks all but the key, and works out all that the key has no part in; all URLs of one preparation have one date.
   *
   * @throws {CloudflareClientError} `INVALID_OPTION`
   */
  prepare(shape: PresignShape): PreparedPresign {
    const { method, bucket, roundExpiry = 1, query, headers } = shape;
    checkBucket(bucket);
    const life = lifeSeconds(shape);
    const account = signingAccountOf(this.#identity, this.#connection.config);
    const seconds = Math.floor(signingTime(this.#connection.options.now()) / 1000);
    const dated = account.dated(seconds - (seconds % roundExpiry));
    const signed = signedHeaders(account.host, headers);
    const before = `${dated.query}&X-Amz-Expires=${life}${account.sessionQuery}`;
    const after = `&X-Amz-SignedHeaders=${signed.names.replaceAll(';', '%3B')}${extraQuery(query)}`;
    const path = `${account.basePath}/${bucket}`;
    const canonicalEnd = `\n${before}${after}\n${signed.lines}\n${signed.names}\nUNSIGNED-PAYLOAD`;
    return {
      expiresAt: new Date((dated.seconds + life) * 1000),
      sign(key) {
        const full = key === undefined ? path : `${path}/${escapeKey(key)}`;
        const code = signature(dated.sign, `${method}\n${full}${canonicalEnd}`);
        return `${account.origin}${full}?${before}&X-Amz-Signature=${code}${after}`;
      },
    };
  }
}

/**
 * Refuses what is no time that a request can be dated by.
 *
 * @param time milliseconds since the epoch.
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function signingTime(time: unknown): number {
  if (typeof time === 'number' && time >= 0 && time <= MAX_TIME) return time;
  throw new CloudflareClientError('INVALID_OPTION', `now answered ${shown(time)}, which is no time.`);
}

function lifeSeconds({ expiresIn, roundExpiry }: R2SignedLife): number {
  integerOption('expiresIn', expiresIn, MAX_EXPIRY_SECONDS);
  if (roundExpiry === undefined) return expiresIn;
  const life = expiresIn + integerOption('roundExpiry', roundExpiry, MAX_EXPIRY_SECONDS);
  if (life <= MAX_EXPIRY_SECONDS) return life;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `expiresIn ${expiresIn} and roundExpiry ${roundExpiry} are ${life} seconds together; ${MAX_EXPIRY_SECONDS} is the most.`,
  );
}

function extraQuery(query: Readonly<Record<string, string>> | undefined): string {
  if (query === undefined) return '';
  const names = Object.keys(query).sort();
  return names
    .map((name) => {
      if (QUERY_NAME.test(name)) return `&${escapeUri(name)}=${escapeUri(query[name] ?? '')}`;
      throw new CloudflareClientError('INVALID_OPTION', `The query parameter ${shown(name)} cannot be signed.`);
    })
    .join('');
}

/** The canonical headers: a line each, and the list of their names. */
function signedHeaders(
  host: string,
  headers: Readonly<Record<string, string>> | undefined,
): { readonly lines: string; readonly names: string } {
  if (headers === undefined) return { lines: `host:${host}\n`, names: 'host' };
  const values = new Map([['host', host]]);
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    if (!HEADER_NAME.test(lower) || values.has(lower)) {
      throw new CloudflareClientError('INVALID_OPTION', `The header ${shown(name)} cannot be signed, or not twice.`);
    }
    // Metadata may be empty.
    if (value !== '') checkHeaderValue(name, value);
    values.set(lower, value.trim().replaceAll(/ +/g, ' '));
  }
  const names = [...values.keys()].sort();
  return { lines: names.map((name) => `${name}:${values.get(name) ?? ''}\n`).join(''), names: names.join(';') };
}
