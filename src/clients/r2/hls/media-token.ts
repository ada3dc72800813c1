import { CloudflareClientError } from '../../../errors.js';
import { checkFunction } from '../check-options.js';
import { shown } from '../object-names.js';
import { integerOption } from '../r2-config.js';
import { HmacSha256 } from '../signing/hmac-sha256.js';
import { MAX_EXPIRY_SECONDS, type R2SignedLife } from '../signing/presigner.js';
import { digestToBytes } from '../signing/sha256.js';

/** For how long, and for whom. */
export interface HlsGrant extends R2SignedLife {
  /**
   * Whom the token is for: a session or user id. It is part of the code and not of the token; the handler must know it.
   *
   * @default anybody who has it
   */
  readonly viewer?: string | undefined;
}

/** A token of one use is no good for the other: what a URL gives away does not become a cookie. */
export type TokenUse = 'path' | 'cookie';

/** What a token must be for. */
export interface TokenClaim {
  readonly use: TokenUse;
  readonly key: string;
  readonly viewer: string | undefined;
}

const MIN_SECRET_BYTES = 32;
const MAX_SECRETS = 4;
/** Expiry in seconds, depth of the prefix, code: one spelling each. */
const TOKEN = /^([1-9]\d{0,11})\.([1-9]\d?)\.([A-Za-z0-9_-]{43})$/;

/** Whether a path segment reads as a token, valid or not. */
export function looksLikeToken(segment: string): boolean {
  return TOKEN.test(segment);
}

/**
 * Tokens `{expiry}.{depth}.{code}`: until when, how many folders of the key are the media prefix, and the HMAC of all that
 * counts. Text that differs in one character is another token, and refused: there is one spelling.
 */
export class MediaToken {
  readonly #codes: readonly HmacSha256[];
  readonly #basePath: string;
  readonly #now: () => number;

  constructor(secrets: readonly (string | Uint8Array)[], basePath: string, now: () => number) {
    checkFunction('now', now);
    this.#codes = checkSecrets(secrets).map((secret) => new HmacSha256(secret));
    this.#basePath = basePath;
    this.#now = now;
  }

  /** Signs with the first secret. The prefix was checked. */
  sign(
    use: TokenUse,
    mediaPrefix: string,
    { expiresIn, roundExpiry = 0, viewer }: HlsGrant,
  ): { readonly token: string; readonly expiresAt: Date; readonly maxAge: number } {
    integerOption('expiresIn', expiresIn, MAX_EXPIRY_SECONDS);
    if (roundExpiry !== 0) integerOption('roundExpiry', roundExpiry, MAX_EXPIRY_SECONDS);
    const now = this.#seconds();
    const start = roundExpiry === 0 ? now : now - (now % roundExpiry);
    const expires = start + expiresIn + roundExpiry;
    const depth = mediaPrefix.split('/').length - 1;
    const code = this.#code(this.#codes[0], use, [String(expires), mediaPrefix, viewer ?? null]);
    return { token: `${expires}.${depth}.${code}`, expiresAt: new Date(expires * 1000), maxAge: expires - now };
  }

  /** What a token lets in to; `null` when it does not let in to that key. */
  verify(
    token: string,
    { use, key, viewer }: TokenClaim,
  ): {
    readonly key: string;
    readonly mediaPrefix: string;
    readonly expiresAt: Date;
    readonly secondsLeft: number;
  } | null {
    const [, expires = '', depth = '', code = ''] = TOKEN.exec(token) ?? [];
    const folders = key.split('/', Number(depth));
    const mediaPrefix = `${folders.join('/')}/`;
    if (code === '' || key.length <= mediaPrefix.length || !key.startsWith(mediaPrefix)) return null;
    const message = [expires, mediaPrefix, viewer ?? null] as const;
    // All of them, whichever it is: the time it takes does not tell.
    const accepted = this.#codes.map((hmac) => isSame(code, this.#code(hmac, use, message)));
    const secondsLeft = Number(expires) - this.#seconds();
    if (!accepted.includes(true) || secondsLeft <= 0) return null;
    return { key, mediaPrefix, expiresAt: new Date(Number(expires) * 1000), secondsLeft };
  }

  /** An address that nobody can guess without the secret, for a shared cache. */
  cacheLabel(): string {
    return this.#code(this.#codes[0], 'cache', []);
  }

  #code(hmac: HmacSha256 | undefined, use: TokenUse | 'cache', parts: readonly (string | null)[]): string {
    if (hmac === undefined) throw new CloudflareClientError('INVALID_OPTION', 'secrets must not be empty.');
    // JSON keeps the parts apart whatever is in them, and writes halves of surrogate pairs so that they differ.
    const digest = digestToBytes(hmac.digest(JSON.stringify(['codex-hls-1', this.#basePath, use, ...parts])));
    const text = btoa(String.fromCharCode(...digest));
    return text.replace(/=$/, '').replaceAll('+', '-').replaceAll('/', '_');
  }

  #seconds(): number {
    const time: unknown = this.#now();
    if (typeof time === 'number' && time >= 0 && Number.isFinite(time)) return Math.floor(time / 1000);
    throw new CloudflareClientError('INVALID_OPTION', `now answered ${shown(time)}, which is no time.`);
  }
}

/** Compares without leaving early. Both have 43 characters. */
function isSame(left: string, right: string): boolean {
  let difference = left.length ^ right.length;
  for (let index = 0; index < right.length; index += 1) difference |= left.charCodeAt(index) ^ right.charCodeAt(index);
  return difference === 0;
}

function checkSecrets(secrets: unknown): readonly (string | Uint8Array)[] {
  if (!Array.isArray(secrets) || secrets.length < 1 || secrets.length > MAX_SECRETS) {
    throw new CloudflareClientError('INVALID_OPTION', `secrets must be an array of 1 to ${MAX_SECRETS} secrets.`);
  }
  return secrets.map((secret: unknown, index) => {
    const isSecret = typeof secret === 'string' || secret instanceof Uint8Array;
    const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret;
    if (isSecret && (bytes as Uint8Array).byteLength >= MIN_SECRET_BYTES) return secret;
    throw new CloudflareClientError(
      'INVALID_OPTION',
      `secrets[${index}] must be a string or bytes, at least ${MIN_SECRET_BYTES} bytes of them.`,
    );
  });
}
