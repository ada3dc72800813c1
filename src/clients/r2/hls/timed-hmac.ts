import { CloudflareClientError } from '../../../errors.js';
import { checkOptions } from '../check-options.js';
import { shown } from '../object-names.js';
import { HmacSha256 } from '../signing/hmac-sha256.js';
import { digestToBytes } from '../signing/sha256.js';

/** What Cloudflare's firewall is to let through. */
export interface TimedHmacOptions {
  /** The secret of the rule. */
  readonly secret: string;
  /**
   * What the rule takes for the message: the path of the object, escaped as in the URL, or the folder that it cuts out of it by
   * `substring(http.request.uri.path, ...)`, so that one token opens all of it.
   */
  readonly message: string;
  /** Milliseconds since the epoch. How long the token is good from then on, the rule says. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/**
 * Makes a token that `is_timed_hmac_valid_v0` of Cloudflare's firewall accepts, for a bucket on a custom domain without a Worker
 * (Pro plan or higher). It must be the last parameter of the URL: `https://media.example.com/{key}?verify={token}`, and the rule's separator has the
 * length of `?verify=`.
 * See https://developers.cloudflare.com/waf/custom-rules/use-cases/configure-token-authentication/.
 *
 * @returns `{seconds}-{code}`, escaped for a query; it is good for whoever has it.
 * @throws {CloudflareClientError} `INVALID_OPTION`, which never holds the secret.
 * @example
 * ```ts
 * declare const secret: string, playlist: string, playlistKey: string, mediaPrefix: string;
 * const token = timedHmacToken({ secret, message: `/${creatorId}/hls/${mediaId}/` });
 * const isOurs = (uri: string): boolean => resolvePlaylistUri(uri, { playlistKey, mediaPrefix }) !== null;
 * const signed = rewritePlaylist(playlist, (uri) => (isOurs(uri) ? `${uri}?verify=${token}` : uri));
 * ```
 */
export function timedHmacToken(options: TimedHmacOptions): string {
  const { secret, message, now = Date.now } = checkOptions(options);
  for (const [name, value] of Object.entries({ secret, message })) {
    if (typeof value !== 'string' || value === '') throw invalid(`${name} must be a string, and not empty.`);
  }
  const time: unknown = now();
  if (typeof time !== 'number' || !(time >= 0)) throw invalid(`now answered ${shown(time)}, which is no time.`);
  const seconds = Math.floor(time / 1000);
  const code = digestToBytes(new HmacSha256(secret).digest(`${message}${seconds}`));
  return `${seconds}-${encodeURIComponent(btoa(String.fromCharCode(...code)))}`;
}

function invalid(message: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_OPTION', message);
}
