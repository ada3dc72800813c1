import { expectFailure, expectSame } from './kv-contract-expect.js';
import type { KVContractCase } from './kv-namespace-contract.js';

const TTL = { expirationTtl: 60 };

/** What reads do. */
export const kvReadCases: readonly KVContractCase[] = [
  {
    name: 'answers null for a key that was never written',
    async run(kv) {
      expectSame(await kv.get('contract:absent', 'text'), null);
    },
  },
  {
    name: 'answers null value and null metadata for an absent key',
    async run(kv) {
      const { value, metadata } = await kv.getWithMetadata('contract:absent', 'text');
      expectSame({ value, metadata }, { value: null, metadata: null });
    },
  },
  {
    name: 'gives back text outside ASCII as it was written',
    async run(kv) {
      await kv.put('contract:read:é😀', 'ä😀\u0000', TTL);
      expectSame(await kv.get('contract:read:é😀', 'text'), 'ä😀\u0000');
    },
  },
  {
    name: 'gives back an empty value as an empty string',
    async run(kv) {
      await kv.put('contract:read:empty', '', TTL);
      expectSame(await kv.get('contract:read:empty', 'text'), '');
    },
  },
  {
    name: 'gives back metadata beside the value',
    async run(kv) {
      await kv.put('contract:read:metadata', 'x', { ...TTL, metadata: { v: 1, name: 'é' } });
      const { value, metadata } = await kv.getWithMetadata('contract:read:metadata', 'text');
      expectSame({ value, metadata }, { value: 'x', metadata: { v: 1, name: 'é' } });
    },
  },
  {
    name: 'reads many keys at once, duplicates once, null for the absent',
    async run(kv) {
      await kv.put('contract:bulk:a', '1', TTL);
      await kv.put('contract:bulk:b', '', TTL);
      const keys = ['contract:bulk:a', 'contract:bulk:b', 'contract:absent', 'contract:bulk:a'];
      const expected = new Map([
        ['contract:bulk:a', '1'],
        ['contract:bulk:b', ''],
        ['contract:absent', null],
      ]);
      expectSame(await kv.get(keys, 'text'), expected);
    },
  },
  {
    name: 'reads many entries with metadata at once, null for the absent',
    async run(kv) {
      await kv.put('contract:bulk:m', '1', { ...TTL, metadata: { v: 1 } });
      const entries = await kv.getWithMetadata(['contract:bulk:m', 'contract:absent'], 'text');
      expectSame(entries.get('contract:bulk:m'), { value: '1', metadata: { v: 1 } });
      expectSame(entries.get('contract:absent'), null);
    },
  },
  {
    name: 'drops integer-like keys and __proto__ from a bulk read without a word',
    async run(kv) {
      const dropped = ['0', '42', '4294967294', '__proto__'];
      const kept = ['007', '4294967295', '-1', '1.5', 'constructor'];
      for (const key of [...dropped, ...kept]) await kv.put(key, 'x', TTL);
      expectSame([...(await kv.get([...dropped, ...kept], 'text')).keys()].sort(), [...kept].sort());
      expectSame(await kv.get('42', 'text'), 'x');
    },
  },
  {
    name: 'takes 100 keys in a bulk read and refuses 0 and 101',
    async run(kv) {
      const keys = Array.from({ length: 101 }, (_, index) => `contract:hundred:${index}`);
      expectSame((await kv.get(keys.slice(1), 'text')).size, 100);
      const failed = 'KV GET_BULK failed: 400 You';
      await expectFailure(() => kv.get(keys, 'text'), `${failed} can request a maximum of 100 keys`);
      await expectFailure(() => kv.get([], 'text'), `${failed} must request a minimum of 1 key`);
    },
  },
  {
    name: 'refuses a bad key in a bulk read',
    async run(kv) {
      await expectFailure(() => kv.get([''], 'text'), 'KV GET_BULK failed: 400 Key names must not be empty');
    },
  },
  {
    name: 'refuses the empty key, "." and ".." in every operation on one key',
    async run(kv) {
      const acts = [
        (key: string) => kv.get(key, 'text'),
        (key: string) => kv.getWithMetadata(key, 'text'),
        (key: string) => kv.put(key, 'x', TTL),
        (key: string) => kv.delete(key),
      ];
      for (const act of acts) {
        await expectFailure(async () => act(''), 'Key name cannot be empty.');
        await expectFailure(async () => act('.'), '"." is not allowed as a key name.');
        await expectFailure(async () => act('..'), '".." is not allowed as a key name.');
      }
    },
  },
  {
    name: 'measures keys in UTF-8 bytes: 512 pass and 514 do not',
    async run(kv) {
      const longest = 'é'.repeat(256);
      await kv.put(longest, 'x', TTL);
      expectSame(await kv.get(longest, 'text'), 'x');
      const reason = '414 UTF-8 encoded length of 514 exceeds key length limit of 512.';
      await expectFailure(() => kv.put(`${longest}é`, 'x', TTL), `KV PUT failed: ${reason}`);
      await expectFailure(() => kv.get(`${longest}é`, 'text'), `KV GET failed: ${reason}`);
      await expectFailure(async () => kv.getWithMetadata(`${longest}é`, 'text'), `KV GET failed: ${reason}`);
      await expectFailure(() => kv.delete(`${longest}é`), `KV DELETE failed: ${reason}`);
    },
  },
  {
    name: 'refuses a key with half of a surrogate pair',
    async run(kv) {
      await expectFailure(() => kv.get('a\ud800', 'text'), 'KV GET failed: 400 Could not URL-decode key name');
    },
  },
];
