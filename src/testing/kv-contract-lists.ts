import type { KVListOptionsLike, KVNamespaceLike } from '../clients/kv/kv-namespace.js';
import { expectFailure, expectSame } from './kv-contract-expect.js';
import type { KVContractCase } from './kv-namespace-contract.js';

async function fill(kv: KVNamespaceLike, keys: string[]): Promise<void> {
  for (const key of keys) await kv.put(key, 'x', { expirationTtl: 60 });
}

async function namesOf(kv: KVNamespaceLike, options: KVListOptionsLike): Promise<string[]> {
  return (await kv.list(options)).keys.map((key) => key.name);
}

/** What listings do. */
export const kvListCases: readonly KVContractCase[] = [
  {
    name: 'lists the keys of a prefix in the order of their UTF-8 bytes',
    async run(kv) {
      const ordered = ['', 'A', 'z', 'é', '\uffee', '\u{10000}'].map((end) => `contract:order:${end}`);
      await fill(kv, [...ordered].reverse());
      expectSame(await namesOf(kv, { prefix: 'contract:order:' }), ordered);
    },
  },
  {
    name: 'lists expiry in seconds and metadata, and leaves out what a key lacks',
    async run(kv) {
      await kv.put('contract:listed:a', 'x', { expiration: 2_000_000_000, metadata: { n: 1 } });
      await kv.put('contract:listed:b', 'x');
      const { keys } = await kv.list({ prefix: 'contract:listed:' });
      const expected = [
        { name: 'contract:listed:a', expiration: 2_000_000_000, metadata: { n: 1 } },
        { name: 'contract:listed:b' },
      ];
      expectSame(keys, expected);
    },
  },
  {
    name: 'goes on behind the cursor, without one on the last page',
    async run(kv) {
      const prefix = 'contract:page:';
      await fill(kv, [`${prefix}a`, `${prefix}b`, `${prefix}c`]);
      const first = await kv.list({ prefix, limit: 2 });
      expectSame([first.keys.length, first.list_complete, typeof first.cursor], [2, false, 'string']);
      const last = await kv.list({ prefix, limit: 2, cursor: first.cursor ?? '' });
      const names = last.keys.map((key) => key.name);
      expectSame([names, last.list_complete, last.cursor], [[`${prefix}c`], true, undefined]);
    },
  },
  {
    name: 'skips nothing when a page is deleted before the next is asked for',
    async run(kv) {
      const prefix = 'contract:walk:';
      await fill(kv, [`${prefix}a`, `${prefix}b`, `${prefix}c`]);
      const first = await kv.list({ prefix, limit: 1 });
      await kv.delete(`${prefix}a`);
      expectSame(await namesOf(kv, { prefix, cursor: first.cursor ?? '' }), [`${prefix}b`, `${prefix}c`]);
    },
  },
  {
    name: 'answers an empty last page for a prefix that nothing has',
    async run(kv) {
      const { keys, list_complete: isComplete } = await kv.list({ prefix: 'contract:nothing:' });
      expectSame([keys, isComplete], [[], true]);
    },
  },
  {
    name: 'refuses a page of 1001 keys and a prefix of 513 bytes',
    async run(kv) {
      const limit = 'KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.';
      await expectFailure(() => kv.list({ limit: 1001 }), limit);
      const prefix = 'KV GET failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.';
      await expectFailure(() => kv.list({ prefix: 'a'.repeat(513) }), prefix);
    },
  },
];
