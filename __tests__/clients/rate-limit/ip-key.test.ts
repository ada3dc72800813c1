import { isIP, isIPv4, isIPv6, BlockList } from 'node:net';
import { ipKey } from '../../../src/clients/rate-limit/ip-key.js';
import { fc } from '../../support/kv.js';

/** Any 128 bits, with many zeros, spelled in any way that there is. */
const anyIPv6 = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.ipV6(),
    fc
      .array(fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff })), {
        minLength: 8,
        maxLength: 8,
      })
      .chain((groups) => fc.integer({ min: 0, max: 3 }).map((style) => spell(groups, style))),
  );

function spell(groups: readonly number[], style: number): string {
  const hex = groups.map((group) => group.toString(16));
  if (style === 0) return hex.join(':');
  if (style === 1) return hex.map((group) => group.toUpperCase().padStart(4, '0')).join(':');
  if (style === 2) return new URL(`http://[${hex.join(':')}]/`).hostname.slice(1, -1);
  const dotted = [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.');
  return [...hex.slice(0, 6), dotted].join(':');
}

/** The eight groups as the URL parser of the platform reads them. */
function groupsOf(address: string): string[] {
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = text.split('::');
  const start = head === '' ? [] : head.split(':');
  const end = tail === undefined || tail === '' ? [] : tail.split(':');
  return [...start, ...new Array<string>(8 - start.length - end.length).fill('0'), ...end];
}

/** The key by the platform's means alone. */
function keyByUrl(address: string, length: number): string {
  const groups = groupsOf(address);
  const bits = groups.map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0')).join('');
  const kept = bits.slice(0, length).padEnd(128, '0');
  const network = kept.match(/.{16}/g)!.map((group) => Number.parseInt(group, 2).toString(16));
  return `${new URL(`http://[${network.join(':')}]/`).hostname.slice(1, -1)}/${length}`;
}

const carriesIPv4 = (address: string): boolean => {
  const list = new BlockList();
  list.addSubnet('::ffff:0:0', 96, 'ipv6');
  list.addSubnet('64:ff9b::', 96, 'ipv6');
  return list.check(address, 'ipv6');
};

describe('ipKey', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8::/64'],
    ['2001:db8:0:1::', '2001:db8:0:1::/64'],
    ['::1', '::/64'],
    ['0:0:1:0:9:9:9:9', '0:0:1::/64'],
    ['::', '::/64'],
  ])('takes %s as %s', (address, key) => {
    expect(ipKey(address)).toBe(key);
  });

  it.each([
    '::ffff:203.0.113.7',
    '::FFFF:cb00:7107',
    '0:0:0:0:0:ffff:203.0.113.7',
    '64:ff9b::203.0.113.7',
    '64:ff9b::cb00:7107',
    '[::ffff:203.0.113.7]:443',
  ])('takes IPv4 within IPv6 for what it is: %s', (address) => {
    expect(ipKey(address)).toBe('203.0.113.7');
  });

  it.each([
    ['203.0.113.7:8080', '203.0.113.7'],
    [' 203.0.113.7\t', '203.0.113.7'],
    ['[2001:db8::1]', '2001:db8::/64'],
    ['[2001:db8::1]:65535', '2001:db8::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['[fe80::1%25en0]:80', 'fe80::/64'],
  ])('leaves out brackets, ports, zones and space: %s', (address, key) => {
    expect(ipKey(address)).toBe(key);
  });

  it.each([
    null,
    undefined,
    '',
    ' ',
    'localhost',
    'unknown',
    '203.0.113',
    '203.0.113.7.1',
    '203.0.113.256',
    '203.0.113.07',
    '0xcb.0.113.7',
    '3405803783',
    '203.0.113.7, 198.51.100.1',
    '203.0.113.7:',
    '203.0.113.7:70000',
    '203.0.113.7:http',
    '203.0.113.7%eth0',
    '[203.0.113.7]',
    '[203.0.113.7]:80',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '1::2::3',
    ':::',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    '12345::',
    'g::',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::1%',
    '[::1',
    '[::1]x',
    '[::1]:',
    '2001:db8::/64',
    `${'0'.repeat(100)}::1`,
    `fe80::1%${'x'.repeat(200)}`,
    5,
    {},
  ])('has one key for all that is no address: %p', (address) => {
    expect(ipKey(address as string)).toBe('unknown');
  });

  it('gives as many keys as there are networks, however the address is spelled', () => {
    fc.assert(
      fc.property(anyIPv6(), fc.integer({ min: 32, max: 64 }), (address, ipv6PrefixLength) => {
        fc.pre(!carriesIPv4(address));
        expect(ipKey(address, { ipv6PrefixLength })).toBe(keyByUrl(address, ipv6PrefixLength));
      }),
    );
  });

  it('gives all addresses of a network its key', () => {
    fc.assert(
      fc.property(anyIPv6(), anyIPv6(), (one, other) => {
        fc.pre(!carriesIPv4(one));
        const within = [...groupsOf(one).slice(0, 4), ...groupsOf(other).slice(4)].join(':');
        fc.pre(!carriesIPv4(within));
        expect(ipKey(within)).toBe(ipKey(one));
      }),
    );
  });

  it('takes for an address what Node takes for one, and nothing else', () => {
    const near = fc
      .tuple(fc.oneof(anyIPv6(), fc.ipV4()), fc.nat(), fc.constantFrom('', ':', '::', '.', '0', 'g', '1.2.3.4', 'ffff'))
      .map(([address, at, extra]) => {
        const index = at % (address.length + 1);
        return address.slice(0, index) + extra + address.slice(index + (at % 2));
      });
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => {
        fc.pre(text === text.trim() && !/[[\]%]|^[\d.]+:\d+$/.test(text));
        expect(ipKey(text) === 'unknown').toBe(isIP(text) === 0);
      }),
      { numRuns: 2_000 },
    );
  });

  it('always gives a key that is an address or a network itself', () => {
    fc.assert(
      fc.property(fc.oneof(anyIPv6(), fc.ipV4(), fc.string()), (text) => {
        const key = ipKey(text);
        const isNetwork = key.endsWith('/64') && isIPv6(key.slice(0, -3));
        expect(key === 'unknown' || isIPv4(key) || isNetwork).toBe(true);
      }),
    );
  });

  it.each([31, 65, 128, 48.5, Number.NaN, '64', null])('refuses a prefix length of %p', (ipv6PrefixLength) => {
    const refused = expect.objectContaining({ code: 'INVALID_OPTION' }) as Error;
    expect(() => ipKey('::1', { ipv6PrefixLength: ipv6PrefixLength as number })).toThrow(refused);
  });

  it('masks within a group', () => {
    expect(ipKey('2001:db8:ffff:ffff::1', { ipv6PrefixLength: 56 })).toBe('2001:db8:ffff:ff00::/56');
    expect(ipKey('2001:db8:ffff:ffff::1', { ipv6PrefixLength: 33 })).toBe('2001:db8:8000::/33');
    expect(ipKey('2001:db8:ffff:ffff::1', { ipv6PrefixLength: 32 })).toBe('2001:db8::/32');
  });
});
