import { CloudflareClientError } from '../../../errors.js';
import { shown } from '../object-names.js';

/** Attributes of the cookie that are the app's to choose. */
export interface HlsCookieOptions {
  /**
   * Whether other sites may send it: `None` for a player that is embedded elsewhere.
   *
   * @default 'Lax'
   */
  readonly sameSite?: 'Strict' | 'Lax' | 'None' | undefined;
  /**
   * Domain whose subdomains get the cookie as well.
   *
   * @default the host that sets it, alone
   */
  readonly domain?: string | undefined;
  /**
   * Keeps it apart for each site that embeds the player (CHIPS); goes with `sameSite: 'None'`.
   *
   * @default false
   */
  readonly partitioned?: boolean | undefined;
}

const SAME_SITE: readonly unknown[] = ['Strict', 'Lax', 'None'];
const DOMAIN = /^[A-Za-z0-9.-]+$/;

/**
 * The value of a `Set-Cookie` header.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function hlsCookie(
  cookie: { readonly name: string; readonly value: string; readonly path: string; readonly maxAge: number },
  options: HlsCookieOptions,
): string {
  const { sameSite = 'Lax', domain, partitioned = false } = options;
  if (!SAME_SITE.includes(sameSite)) throw invalid(`sameSite ${shown(sameSite)} must be Strict, Lax or None.`);
  if (domain !== undefined && (typeof domain !== 'string' || !DOMAIN.test(domain))) {
    throw invalid(`domain ${shown(domain)} must be a host name.`);
  }
  return [
    `${cookie.name}=${cookie.value}`,
    `Path=${cookie.path}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    `Max-Age=${cookie.maxAge}`,
    'HttpOnly',
    'Secure',
    `SameSite=${sameSite}`,
    ...(partitioned ? ['Partitioned'] : []),
  ].join('; ');
}

/** The values of all cookies of a name, in the order sent: one of a longer path stands first. */
export function cookieValues(header: string, name: string): string[] {
  return header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}

function invalid(message: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_OPTION', message);
}
