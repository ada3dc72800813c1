import type { KVNamespaceLike } from '../clients/kv/kv-namespace.js';
import { expectFailure, expectSame } from './kv-contract-expect.js';
import type { KVContractCase } from './kv-namespace-contract.js';

const TTL = { expirationTtl: 60 };
const MAX_VALUE_BYTES = 26_214_400;

function putWithTtl(kv: KVNamespaceLike, expirationTtl: number): Promise<void> {
  return kv.put('contract:ttl', 'x', { expirationTtl });
}

/** What writes and deletes do. */
export const kvWriteCases: readonly KVContractCase[] = [
  {
    name: 'takes a TTL of 60 and refuses 59',
    async run(kv) {
      await putWithTtl(kv, 60);
      const message = 'KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.';
      await expectFailure(() => putWithTtl(kv, 59), message);
    },
  },
  {
    name: 'cuts a TTL to an integer before it judges it',
    async run(kv) {
      await putWithTtl(kv, 60.9);
      const message = 'KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.';
      await expectFailure(() => putWithTtl(kv, 59.9), message);
    },
  },
  {
    name: 'takes NaN, Infinity and less than one for a TTL of 0 and below, and refuses them',
    async run(kv) {
      const refusal = (ttl: number): string =>
        `KV PUT failed: 400 Invalid expiration_ttl of ${ttl}. Please specify integer greater than 0.`;
      await expectFailure(() => putWithTtl(kv, NaN), refusal(0));
      await expectFailure(() => putWithTtl(kv, Infinity), refusal(0));
      await expectFailure(() => putWithTtl(kv, -1), refusal(-1));
    },
  },
  {
    name: 'refuses a TTL beyond 32 bits',
    async run(kv) {
      await putWithTtl(kv, 2_147_483_647);
      const message = 'Value out of range. Must be between -2147483648 and 2147483647 (inclusive).';
      await expectFailure(async () => putWithTtl(kv, 2_147_483_648), message);
    },
  },
  {
    name: 'counts metadata as JSON in bytes: 1024 pass and 1025 do not',
    async run(kv) {
      await kv.put('contract:metadata', 'x', { ...TTL, metadata: 'a'.repeat(1022) });
      const act = () => kv.put('contract:metadata', 'x', { ...TTL, metadata: 'a'.repeat(1023) });
      await expectFailure(act, 'KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.');
    },
  },
  {
    name: 'writes the text of null, undefined and a number, and refuses a plain object',
    async run(kv) {
      const put = async (value: unknown): Promise<unknown> => {
        await kv.put('contract:coerced', value as string, TTL);
        return kv.get('contract:coerced', 'text');
      };
      expectSame([await put(null), await put(undefined), await put(5)], ['null', 'undefined', '5']);
      const kinds = 'strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams';
      await expectFailure(() => put({}), `KV put() accepts only ${kinds} as values.`);
    },
  },
  {
    name: 'takes a value of 25 MiB and refuses one byte more',
    async run(kv) {
      await kv.put('contract:large', 'a'.repeat(MAX_VALUE_BYTES), TTL);
      const act = () => kv.put('contract:large', 'a'.repeat(MAX_VALUE_BYTES + 1), TTL);
      await expectFailure(act, 'KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.');
      await kv.delete('contract:large');
    },
  },
  {
    name: 'overwrites value and metadata together',
    async run(kv) {
      await kv.put('contract:twice', 'one', { ...TTL, metadata: { n: 1 } });
      await kv.put('contract:twice', 'two', TTL);
      const { value, metadata } = await kv.getWithMetadata('contract:twice', 'text');
      expectSame({ value, metadata }, { value: 'two', metadata: null });
    },
  },
  {
    name: 'deletes a key, and an absent one without complaint',
    async run(kv) {
      await kv.put('contract:deleted', 'x', TTL);
      await kv.delete('contract:deleted');
      await kv.delete('contract:deleted');
      expectSame(await kv.get('contract:deleted', 'text'), null);
    },
  },
];
