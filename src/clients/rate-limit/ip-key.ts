import { CloudflareClientError } from '../../errors.js';
import { quote } from '../kv/key.js';

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
const IPV4_PART = /^(?:0|[1-9]\d{0,2})$/;
const IPV6_GROUP = /^[\da-f]{1,4}$/i;
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
  checkPrefixLength(ipv6PrefixLength);
  if (typeof address !== 'string' || address.length > MAX_LENGTH) return UNKNOWN;
  const host = hostOf(address.trim());
  if (parseIPv4(host) !== null) return host;
  const groups = parseIPv6(withoutZone(host));
  if (groups === null) return UNKNOWN;
  return startsWith(groups, MAPPED) || startsWith(groups, TRANSLATED)
    ? ipv4Text(groups)
    : networkText(groups, ipv6PrefixLength);
}

function checkPrefixLength(length: unknown): void {
  if (Number.isInteger(length) && (length as number) >= MIN_PREFIX_LENGTH && (length as number) <= MAX_PREFIX_LENGTH)
    return;
  const shown = typeof length === 'number' ? String(length) : quote(length);
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `Option ipv6PrefixLength ${shown} is refused: give an integer from ${MIN_PREFIX_LENGTH} to ${MAX_PREFIX_LENGTH}.`,
  );
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
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let address = 0;
  for (const part of parts) {
    if (!IPV4_PART.test(part) || Number(part) > 255) return null;
    address = address * 256 + Number(part);
  }
  return address;
}

/** The eight groups, `null` for what is no IPv6 address. https://www.rfc-editor.org/rfc/rfc4291#section-2.2 */
function parseIPv6(text: string): number[] | null {
  const [start = '', end, more] = text.split('::');
  if (more !== undefined) return null;
  const head = parseGroups(start, end === undefined);
  if (end === undefined) return head?.length === GROUPS ? head : null;
  const tail = parseGroups(end, true);
  if (head === null || tail === null) return null;
  const missing = GROUPS - head.length - tail.length;
  // A gap stands for one group at least.
  return missing < 1 ? null : [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** The groups of one side of a gap; the last two can be written as an IPv4 address where the text ends with them. */
function parseGroups(text: string, isEnd: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (IPV6_GROUP.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const embedded = isEnd && index === parts.length - 1 ? parseIPv4(part) : null;
    if (embedded === null) return null;
    groups.push(Math.floor(embedded / 0x10000), embedded % 0x10000);
  }
  return groups;
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
  const kept = groups.slice(0, MAX_PREFIX_LENGTH / 16).map((group, index) => {
    const bits = Math.min(16, Math.max(0, prefixLength - 16 * index));
    return group & ~(0xffff >> bits);
  });
  const length = kept.findLastIndex((group) => group !== 0) + 1;
  const start = kept.slice(0, length).map((group) => group.toString(16));
  return `${start.join(':')}::/${prefixLength}`;
}
