import { CloudflareClientError } from '../../../errors.js';
import { checkOptions } from '../check-options.js';
import { invalidPrefix, shown } from '../object-names.js';
import { hlsCookie, cookieValues, type HlsCookieOptions } from './hls-cookie.js';
import { accessPathOf, checkBasePath } from './hls-path.js';
import { MediaToken, type HlsGrant, type TokenUse } from './media-token.js';
import { isPlainSegment, keyPath, mediaPrefixFor } from './media-prefix.js';

/** What `HlsTokens` is made with. */
export interface HlsTokensOptions {
  /**
   * Secrets of 32 bytes or more, `openssl rand -base64 32` makes one: the first signs, all are accepted. To rotate, put the new
   * one first, and drop the old one when its last token has expired. At most 4.
   */
  readonly secrets: readonly (string | Uint8Array)[];
  /**
   * Path under which the private media is served, on the app's own host. Tokens of one path are no good under another.
   *
   * @default '/v'
   */
  readonly basePath?: string | undefined;
  /** Milliseconds since the epoch. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** What a viewer is let into. */
export interface SignHlsOptions extends HlsGrant {
  /** Key of the playlist that the player starts with. */
  readonly key: string;
  /**
   * The folder that the viewer may read, whole, such as `{creatorId}/hls/{mediaId}/`.
   *
   * @default the folder that the playlist is in
   */
  readonly mediaPrefix?: string | undefined;
}

/** A playlist's address for one viewer. */
export interface SignedHlsPath {
  /** Path of the playlist, escaped; every relative URI of it has the same rights. Treat it as a password. */
  readonly path: string;
  /** When it stops working. */
  readonly expiresAt: Date;
}

/** A playlist's address, and the cookie that opens it. */
export interface SignedHlsCookie extends SignedHlsPath {
  /** Value of a `Set-Cookie` header. The path is no secret. */
  readonly setCookie: string;
}

/** What a request was let in to. */
export interface HlsAccess {
  readonly key: string;
  readonly mediaPrefix: string;
  readonly expiresAt: Date;
  /** Seconds until then: 1 or more. */
  readonly secondsLeft: number;
}

/** Browsers take a cookie of such a name over TLS alone. */
const COOKIE_NAME = '__Secure-hls';
/** How many cookies of our name a request may try; a stranger on a sibling domain can send more. */
const MAX_COOKIES = 4;
/** Browsers ignore a longer attribute (RFC 6265bis, 5.6), and take the path of the page in its place. */
const MAX_COOKIE_PATH_BYTES = 1024;

/**
 * Signs and checks access to one piece of media: by a token in the path, which every relative URI of a playlist inherits, or by a
 * cookie of that path. Each is good for one folder until it expires, and holds an HMAC-SHA-256 of both.
 *
 * @example
 * ```ts
 * declare const secret: string, oldSecret: string;
 * const tokens = new HlsTokens({ secrets: [secret, oldSecret] });
 * const { path } = tokens.signPath({ key: `${creatorId}/hls/${mediaId}/master.m3u8`, expiresIn: 6 * 3600, roundExpiry: 300 });
 * const page = `<video src="${path}" controls></video>`;
 * ```
 */
export class HlsTokens {
  /** Path under which the private media is served, without a `/` at its end. */
  readonly basePath: string;
  readonly #token: MediaToken;

  /**
   * Checks the options; computes nothing that a Worker may not at module scope.
   *
   * @throws {CloudflareClientError} `INVALID_OPTION`, which never holds a secret.
   */
  constructor(options: HlsTokensOptions) {
    const { secrets, basePath = '/v', now = Date.now } = checkOptions(options, 'the options of HlsTokens');
    this.basePath = checkBasePath(basePath);
    this.#token = new MediaToken(secrets, this.basePath, now);
  }

  /**
   * Signs the path of a playlist.
   *
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_OPTION`
   */
  signPath(options: SignHlsOptions): SignedHlsPath {
    const { token, expiresAt } = this.#sign('path', options);
    return { path: `${this.basePath}/${token}/${keyPath(options.key)}`, expiresAt };
  }

  /**
   * Signs a cookie for the folder of a playlist: `HttpOnly`, `Secure`, for that path alone. The player must be on the same site,
   * or be told to send credentials; receivers of AirPlay and Cast have no cookies.
   *
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_OPTION`
   */
  signCookie(options: SignHlsOptions & HlsCookieOptions): SignedHlsCookie {
    const { token, expiresAt, mediaPrefix, maxAge } = this.#sign('cookie', options);
    const folder = `${this.basePath}/${keyPath(mediaPrefix.slice(0, -1))}`;
    if (folder.length > MAX_COOKIE_PATH_BYTES) {
      throw invalidPrefix(mediaPrefix, `is too long for the path of a cookie: ${MAX_COOKIE_PATH_BYTES} bytes, escaped`);
    }
    const setCookie = hlsCookie({ name: COOKIE_NAME, value: token, path: folder, maxAge }, options);
    return { path: `${this.basePath}/${keyPath(options.key)}`, setCookie, expiresAt };
  }

  /**
   * Tells what a request has a right to. It does not matter whether there is such an object.
   *
   * @param request its URL, and its cookies where the path has no token.
   * @param viewer whom the token must be bound to; one that is bound is refused without it.
   * @returns `null` when it has none: expired, tampered with, for another folder or viewer, or missing. It does not say which.
   */
  verify(request: Request, viewer?: string): HlsAccess | null {
    const target = accessPathOf(new URL(request.url).pathname, this.basePath);
    if (target === null) return null;
    if (target.token !== null) return this.#token.verify(target.token, { use: 'path', key: target.key, viewer });
    const cookies = cookieValues(request.headers.get('cookie') ?? '', COOKIE_NAME).slice(0, MAX_COOKIES);
    for (const token of cookies) {
      const access = this.#token.verify(token, { use: 'cookie', key: target.key, viewer });
      if (access !== null) return access;
    }
    return null;
  }

  /**
   * The path under which a shared cache may keep an object, the same for all viewers. Nobody can guess it who does not know the
   * first secret, so that a request which no Worker looks at cannot find it.
   */
  cachePath(bucket: string, key: string): string {
    return `${this.basePath}/${this.#token.cacheLabel()}/${bucket}/${keyPath(key)}`;
  }

  #sign(use: TokenUse, options: SignHlsOptions): ReturnType<MediaToken['sign']> & { readonly mediaPrefix: string } {
    const { key, mediaPrefix: given, viewer } = checkOptions(options);
    if (viewer !== undefined && (typeof viewer !== 'string' || viewer === '')) {
      throw new CloudflareClientError('INVALID_OPTION', `viewer ${shown(viewer)} must be a string that is not empty.`);
    }
    const mediaPrefix = mediaPrefixFor(key, given);
    if (!key.split('/').every(isPlainSegment)) {
      throw new CloudflareClientError(
        'INVALID_KEY',
        `key ${shown(key)} has a segment that is empty or holds a backslash: no request would be let in to it.`,
      );
    }
    return { ...this.#token.sign(use, mediaPrefix, options), mediaPrefix };
  }
}
