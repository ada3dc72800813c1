import { checkInteger } from '../check-option.js';

/** The one key of everything that is no address. */
const UNKNOWN = 'unknown';
const DEFAULT_PREFIX_LENGTH = 64;
// What a provider is allotted (https://www.ripe.net/publications/docs/ripe-738/): wider, and strangers share a limit.
const MIN_PREFIX_LENGTH = 32;
// What one network link has (https://www.rfc-editor.org/rfc/rfc4291#section-2.5.1): narrower, and every host has 2^64 keys to itself.
const MAX_PREFIX_LENGTH = 64;

// The longest address has 45 characters; the rest is room for brackets, a port and a zone.
const MAX_LENGTH = 100;
const GROUPS = 8;
const NONE = -1;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_A = 0x61;
const LETTER_F = 0x66;
const LOWER_CASE = 0x20;
const PORT = /^\d{1,5}$/;
/** `::ffff:0:0/96`: an IPv4 address as a socket of IPv6 shows it. https://www.rfc-editor.org/rfc/rfc4291#section-2.5.5.2 */
const MAPPED = [0, 0, 0, 0, 0, 0xffff];
/** `64:ff9b::/96`: an IPv4 address behind a translator. https://www.rfc-editor.org/rfc/rfc6052#section-2.1 */
const TRANSLATED = [0x64, 0xff9b, 0, 0, 0, 0];

/** Options of {@link ipKey}. */
export interface IpKeyOptions {
  /**
   * Leading bits of an IPv6 address that make the key, an integer from 32 to 64. A customer has at least a /64, many have a /56 or a
   * /48: 56 or 48 limits them as one, and neighbours with a /64 each as one as well.
   *
   * @default 64
   */
  readonly ipv6PrefixLength?: number;
}

/**
 * The identifier of a client's address for a rate limit. Whoever has IPv6 can pick among 2^64 addresses, so a limit for each of them is none:
 * the key of an IPv6 address is its network.
 *
 * - IPv4: the address itself, `203.0.113.7`. So is IPv4 that IPv6 carries: mapped (`::ffff:203.0.113.7`) and translated (`64:ff9b::203.0.113.7`).
 * - IPv6: the network in canonical text, `2001:db8:1:2::/64` (RFC 5952). A zone (`fe80::1%eth0`) does not count.
 * - A port (`203.0.113.7:443`, `[2001:db8::1]:443`) and space around the address do not count: proxies write them.
 * - Everything else, no address at all included, has the one key `unknown`. So text that somebody makes up, where a header can be
 *   forged, is limited together and never starts afresh. Refuse such a client outright where you can.
 *
 * @param address as a trusted proxy tells it: in Workers the header `CF-Connecting-IP`, never `X-Forwarded-For` as it came.
 * @param options how much of an IPv6 address counts.
 * @returns the key; two spellings of one address have the same.
 * @throws {CloudflareClientError} `INVALID_OPTION` for a prefix length out of bounds; never because of the address.
 * @example
 * ```ts
 * const limiter = new RateLimiterClient(env.RATE_LIMIT_KV);
 * const client = ipKey(request.headers.get('CF-Connecting-IP'));
 * const { allowed } = await limiter.checkLimit(client, { limit: 5, window: 900, keyPrefix: 'rl:login:' });
 * ```
 */
export function ipKey(address: string | null | undefined, options: IpKeyOptions = {}): string {
  const { ipv6PrefixLength = DEFAULT_PREFIX_LENGTH } = options;
  checkInteger('ipv6PrefixLength', ipv6PrefixLength, MIN_PREFIX_LENGTH, MAX_PREFIX_LENGTH);
  if (typeof address !== 'string' || address.length > MAX_LENGTH) return UNKNOWN;
  const host = hostOf(address.trim());
  if (!host.includes(':')) return parseIPv4(host) === null ? UNKNOWN : host;
  const groups = parseIPv6(withoutZone(host));
  if (groups === null) return UNKNOWN;
  return startsWith(groups, MAPPED) || startsWith(groups, TRANSLATED)
    ? ipv4Text(groups)
    : networkText(groups, ipv6PrefixLength);
}

/** The address without brackets and port; what has an odd port is left as it is, and so is no address. */
function hostOf(text: string): string {
  if (text.startsWith('[')) {
    const end = text.indexOf(']');
    const rest = text.slice(end + 1);
    // Brackets are for IPv6 alone.
    const isIPv6 = text.lastIndexOf(':', end) > 0;
    return isIPv6 && (rest === '' || (rest.startsWith(':') && isPort(rest.slice(1)))) ? text.slice(1, end) : text;
  }
  const colon = text.indexOf(':');
  const isIPv4WithPort = colon > 0 && text.indexOf('.') < colon && text.includes('.') && isPort(text.slice(colon + 1));
  return isIPv4WithPort ? text.slice(0, colon) : text;
}

function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) <= 0xffff;
}

function withoutZone(host: string): string {
  const zone = host.indexOf('%');
  return zone === -1 || zone === host.length - 1 ? host : host.slice(0, zone);
}

/** The address as a number; `null` for anything but four decimal parts: `0177.0.0.1` means different hosts to different programs. */
function parseIPv4(text: string): number | null {
  let address = 0;
  let parts = 0;
  let part = NONE;
  for (let index = 0; index <= text.length; index += 1) {
    const unit = index === text.length ? DOT : text.charCodeAt(index);
    if (unit === DOT) {
      if (part === NONE) return null;
      address = address * 256 + part;
      parts += 1;
      part = NONE;
      continue;
    }
    // Nothing follows a leading zero.
    if (unit < ZERO || unit > NINE || part === 0) return null;
    part = Math.max(part, 0) * 10 + unit - ZERO;
    if (part > 255) return null;
  }
  return parts === 4 ? address : null;
}

/** The eight groups, `null` for what is no IPv6 address. https://www.rfc-editor.org/rfc/rfc4291#section-2.2 */
function parseIPv6(text: string): number[] | null {
  const gap = text.indexOf('::');
  const groups: number[] = [];
  if (gap === -1) return parseGroups(text, groups, true) && groups.length === GROUPS ? groups : null;
  const tail: number[] = [];
  const isSecond = text.includes('::', gap + 1);
  if (isSecond || !parseGroups(text.slice(0, gap), groups, false)) return null;
  // A gap stands for one group at least.
  if (!parseGroups(text.slice(gap + 2), tail, true) || groups.length + tail.length >= GROUPS) return null;
  while (groups.length + tail.length < GROUPS) groups.push(0);
  for (const group of tail) groups.push(group);
  return groups;
}

/** Adds the groups of one side of a gap; the last two can be written as an IPv4 address where the text ends with them. */
function parseGroups(text: string, groups: number[], isEnd: boolean): boolean {
  let start = text === '' ? 1 : 0;
  while (start <= text.length) {
    const colon = text.indexOf(':', start);
    const end = colon === -1 ? text.length : colon;
    const group = parseGroup(text, start, end);
    if (group !== NONE) groups.push(group);
    else {
      const embedded = isEnd && colon === -1 ? parseIPv4(text.slice(start)) : null;
      if (embedded === null) return false;
      groups.push(Math.floor(embedded / 0x10000), embedded % 0x10000);
    }
    start = end + 1;
  }
  return true;
}

/** One to four hexadecimal digits. */
function parseGroup(text: string, start: number, end: number): number {
  if (end === start || end - start > 4) return NONE;
  let group = 0;
  for (let index = start; index < end; index += 1) {
    const digit = hexDigit(text.charCodeAt(index));
    if (digit === NONE) return NONE;
    group = group * 16 + digit;
  }
  return group;
}

function hexDigit(unit: number): number {
  if (unit >= ZERO && unit <= NINE) return unit - ZERO;
  const letter = unit | LOWER_CASE;
  return letter >= LETTER_A && letter <= LETTER_F ? letter - LETTER_A + 10 : NONE;
}

function startsWith(groups: readonly number[], prefix: readonly number[]): boolean {
  return prefix.every((group, index) => groups[index] === group);
}

function ipv4Text(groups: readonly number[]): string {
  return groups
    .slice(-2)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}

/** The last four groups are zeros in any case, so the longest gap is at the end. https://www.rfc-editor.org/rfc/rfc5952#section-4.2 */
function networkText(groups: readonly number[], prefixLength: number): string {
  let text = '';
  let zeros = '';
  for (let index = 0; 16 * index < prefixLength; index += 1) {
    const bits = Math.min(16, prefixLength - 16 * index);
    const group = (groups[index] ?? 0) & ~(0xffff >> bits);
    const shown = `${index === 0 ? '' : ':'}${group.toString(16)}`;
    if (group === 0) zeros += shown;
    else {
      text += zeros + shown;
      zeros = '';
    }
  }
  return `${text}::/${prefixLength}`;
}
