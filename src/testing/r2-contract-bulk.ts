import { expectSame } from './kv-contract-expect.js';
import { expectR2Failure, textOf } from './r2-contract-expect.js';
import type { R2ContractCase, R2ContractClient } from './r2-contract-expect.js';

const AT_ONCE = 20;

async function fill(r2: R2ContractClient, bucket: string, keys: readonly string[]): Promise<void> {
  for (let start = 0; start < keys.length; start += AT_ONCE) {
    await Promise.all(keys.slice(start, start + AT_ONCE).map((key) => r2.uploadFile({ bucket, key, body: 'x' })));
  }
}

async function keysOf(r2: R2ContractClient, bucket: string, prefix: string): Promise<string[]> {
  return (await r2.listFiles({ bucket, prefix })).map(({ key }) => key);
}

/** What listings, deletions and copies do. */
export const r2BulkCases: readonly R2ContractCase[] = [
  {
    name: 'lists in the order of UTF-8 bytes, with size and tag',
    async run(r2, bucket) {
      const keys = ['A', 'a', 'b', 'é', '\uffee', '\u{10000}'].map((end) => `contract/order/${end}`);
      await fill(r2, bucket, [...keys].reverse());
      expectSame(await keysOf(r2, bucket, 'contract/order/'), keys);
      const [first] = await r2.listFiles({ bucket, prefix: 'contract/order/', maxKeys: 1 });
      const head = await r2.headFile({ bucket, key: keys[0] ?? '' });
      expectSame([first?.size, first?.etag, first?.lastModified instanceof Date], [1, head?.etag, true]);
    },
  },
  {
    name: 'begins after a key, and stops where it is told',
    async run(r2, bucket) {
      const prefix = 'contract/after/';
      await fill(
        r2,
        bucket,
        ['a', 'b', 'c', 'd'].map((end) => prefix + end),
      );
      const some = await r2.listFiles({ bucket, prefix, startAfter: `${prefix}a`, maxKeys: 2 });
      expectSame(
        some.map(({ key }) => key),
        [`${prefix}b`, `${prefix}c`],
      );
    },
  },
  {
    name: 'lists one level, its files and its folders',
    async run(r2, bucket) {
      const prefix = 'contract/level/';
      await fill(
        r2,
        bucket,
        ['1', 'x/1', 'x/2', 'y/z/1', '2'].map((end) => prefix + end),
      );
      const { files, folders } = await r2.listFolder({ bucket, prefix });
      expectSame(
        files.map(({ key }) => key),
        [`${prefix}1`, `${prefix}2`],
      );
      expectSame(folders, [`${prefix}x/`, `${prefix}y/`]);
    },
  },
  {
    name: 'lists, iterates and deletes over more than one page',
    async run(r2, bucket) {
      const prefix = 'contract/pages/';
      const keys = Array.from({ length: 1002 }, (_, index) => `${prefix}${String(index).padStart(4, '0')}`);
      await fill(r2, bucket, keys);
      expectSame(await keysOf(r2, bucket, prefix), keys);
      let count = 0;
      for await (const file of r2.iterateFiles({ bucket, prefix })) count += file.size;
      const counted = { matched: 1002, failed: [] };
      expectSame(await r2.deletePrefix({ bucket, prefix, dryRun: true }), {
        deleted: 0,
        failed: [],
        matched: 1002,
        dryRun: true,
      });
      const { deleted, matched, failed } = await r2.deletePrefix({ bucket, prefix });
      expectSame([count, deleted, { matched, failed }], [1002, 1002, counted]);
      expectSame(await keysOf(r2, bucket, prefix), []);
    },
  },
  {
    name: 'lists nothing under a prefix that nothing has',
    async run(r2, bucket) {
      expectSame(await r2.listFiles({ bucket, prefix: 'contract/nothing/' }), []);
      expectSame(await r2.listFolder({ bucket, prefix: 'contract/nothing/' }), { files: [], folders: [] });
    },
  },
  {
    name: 'deletes what is there, and what is not without complaint',
    async run(r2, bucket) {
      const keys = ['a', 'b c', 'ü&<>'].map((end) => `contract/delete/${end}`);
      await fill(r2, bucket, keys);
      await r2.deleteFile({ bucket, key: 'contract/delete/none' });
      const { deleted, failed } = await r2.deleteFiles({ bucket, keys: [...keys, ...keys, 'contract/delete/none'] });
      expectSame([deleted, failed, await keysOf(r2, bucket, 'contract/delete/')], [4, [], []]);
    },
  },
  {
    name: 'refuses to delete a prefix that says too little',
    async run(r2, bucket) {
      const whole = 'prefix "" would delete the whole bucket; `allowEmptyPrefix: true` says that it is meant.';
      await expectR2Failure(() => r2.deletePrefix({ bucket, prefix: '' }), 'INVALID_PREFIX', whole);
      const open =
        'prefix "creator1" does not end in `/`, so it would also delete what merely begins like it; `allowUnterminatedPrefix: true` says that it is meant.';
      await expectR2Failure(() => r2.deletePrefix({ bucket, prefix: 'creator1' }), 'INVALID_PREFIX', open);
    },
  },
  {
    name: 'copies with headers and metadata, or with others in their place',
    async run(r2, bucket) {
      const [sourceKey, key] = ['contract/copy/from ü+', 'contract/copy/to'];
      const headers = { contentType: 'text/css', cacheControl: 'no-store', metadata: { title: 'Größe' } };
      const { etag } = await r2.uploadFile({ bucket, key: sourceKey, body: 'text', ...headers });
      expectSame(await r2.copyFile({ bucket, sourceKey, key, ifMatch: etag }), { key, etag });
      const kept = await r2.headFile({ bucket, key });
      const { contentType, cacheControl, metadata } = kept ?? headers;
      expectSame([await textOf(r2, bucket, key), { contentType, cacheControl, metadata }], ['text', headers]);
      await r2.copyFile({ bucket, sourceKey, key, headers: { contentType: 'text/html', metadata: { other: '1' } } });
      const replaced = await r2.headFile({ bucket, key });
      expectSame(
        [replaced?.contentType, replaced?.cacheControl, replaced?.metadata],
        ['text/html', null, { other: '1' }],
      );
    },
  },
  {
    name: 'copies no source that is not there, and none that was replaced',
    async run(r2, bucket) {
      const key = 'contract/copy/to';
      const missing = { bucket, key, sourceKey: 'contract/copy/none' };
      const from = `R2 copy from ${bucket}/${missing.sourceKey} of ${bucket}/${key} failed`;
      await expectR2Failure(() => r2.copyFile(missing), 'R2_NO_SUCH_KEY', `${from}: NoSuchKey, HTTP 404.`);
      const sourceKey = 'contract/copy/replaced';
      await r2.uploadFile({ bucket, key: sourceKey, body: 'text' });
      const stale = (): Promise<unknown> => r2.copyFile({ bucket, key, sourceKey, ifMatch: 'x' });
      const message = `R2 copy from ${bucket}/${sourceKey} of ${bucket}/${key} failed: PreconditionFailed, HTTP 412.`;
      await expectR2Failure(stale, 'R2_PRECONDITION_FAILED', message);
    },
  },
];
