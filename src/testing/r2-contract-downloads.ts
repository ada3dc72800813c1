import { expectSame } from './kv-contract-expect.js';
import { expectR2Failure, textOf } from './r2-contract-expect.js';
import type { R2ContractCase } from './r2-contract-expect.js';

const HOUR_MS = 3_600_000;
const KEY = 'contract/read/ten.txt';
const TEN = '0123456789';

/** What reads do. */
export const r2DownloadCases: readonly R2ContractCase[] = [
  {
    name: 'answers null for an object that is not there',
    async run(r2, bucket) {
      const key = 'contract/absent';
      expectSame([await r2.downloadFile({ bucket, key }), await r2.headFile({ bucket, key })], [null, null]);
      expectSame(await r2.downloadFile({ bucket, key, range: { offset: 5 }, ifNoneMatch: 'x' }), null);
    },
  },
  {
    name: 'knows size, tag and time, the same with and without the content',
    async run(r2, bucket) {
      const { etag } = await r2.uploadFile({ bucket, key: KEY, body: TEN });
      const file = await r2.downloadFile({ bucket, key: KEY });
      const head = await r2.headFile({ bucket, key: KEY });
      expectSame([file?.size, file?.etag, file?.range], [10, etag, null]);
      expectSame([head?.size, head?.etag, head?.contentType], [10, etag, 'text/plain; charset=utf-8']);
      // Over S3 a time has whole seconds only.
      const ages = [file, head].map((info) => Math.abs(Date.now() - (info?.lastModified.getTime() ?? 0)) < HOUR_MS);
      expectSame([ages, await file?.text()], [[true, true], TEN]);
    },
  },
  {
    name: 'reads parts of an object',
    async run(r2, bucket) {
      await r2.uploadFile({ bucket, key: KEY, body: TEN });
      const cases = [
        [{ offset: 2, length: 3 }, '234', { offset: 2, length: 3 }],
        [{ offset: 8, length: 30 }, '89', { offset: 8, length: 2 }],
        [{ offset: 7 }, '789', { offset: 7, length: 3 }],
        [{ suffix: 4 }, '6789', { offset: 6, length: 4 }],
      ] as const;
      for (const [range, text, found] of cases) {
        const file = await r2.downloadFile({ bucket, key: KEY, range });
        expectSame([await file?.text(), file?.range, file?.size], [text, found, 10]);
      }
    },
  },
  {
    name: 'refuses a range beyond the end',
    async run(r2, bucket) {
      await r2.uploadFile({ bucket, key: KEY, body: TEN });
      const message = `R2 download of ${bucket}/${KEY} failed: InvalidRange, HTTP 416.`;
      for (const range of [{ offset: 10 }, { offset: 10, length: 1 }, { offset: 500 }]) {
        const download = (): Promise<unknown> => r2.downloadFile({ bucket, key: KEY, range });
        await expectR2Failure(download, 'R2_RANGE_NOT_SATISFIABLE', message);
      }
    },
  },
  {
    name: 'tells that the caller has the object already',
    async run(r2, bucket) {
      const { etag } = await r2.uploadFile({ bucket, key: KEY, body: TEN });
      const future = new Date(Date.now() + HOUR_MS);
      for (const has of [{ ifNoneMatch: etag }, { ifNoneMatch: `"${etag}"` }, { ifModifiedSince: future }]) {
        const file = await r2.downloadFile({ bucket, key: KEY, ...has });
        expectSame([file?.notModified, file?.etag], [true, etag]);
      }
      const past = new Date(Date.now() - HOUR_MS);
      for (const has of [
        { ifNoneMatch: 'x' },
        { ifModifiedSince: past },
        { ifNoneMatch: 'x', ifModifiedSince: future },
      ]) {
        const file = await r2.downloadFile({ bucket, key: KEY, ...has });
        if (file?.notModified === true) throw new Error(`${JSON.stringify(has)} was taken for not modified`);
        expectSame(await file?.text(), TEN);
      }
    },
  },
  {
    name: 'reads only the version that the caller wants',
    async run(r2, bucket) {
      const { etag } = await r2.uploadFile({ bucket, key: KEY, body: TEN });
      const message = `R2 download of ${bucket}/${KEY} failed: PreconditionFailed, HTTP 412.`;
      for (const wanted of [{ ifMatch: 'x' }, { ifUnmodifiedSince: new Date(Date.now() - HOUR_MS) }]) {
        const download = (): Promise<unknown> => r2.downloadFile({ bucket, key: KEY, ...wanted });
        await expectR2Failure(download, 'R2_PRECONDITION_FAILED', message);
      }
      expectSame(await (await r2.downloadFile({ bucket, key: KEY, ifMatch: etag }))?.text(), TEN);
    },
  },
  {
    name: 'answers an HTTP request with the right status',
    async run(r2, bucket) {
      const { etag } = await r2.uploadFile({ bucket, key: KEY, body: TEN });
      const cases: [Record<string, string>, number, string][] = [
        [{}, 200, TEN],
        [{ range: 'bytes=2-4' }, 206, '234'],
        [{ 'if-none-match': `"${etag}"` }, 304, ''],
        [{ range: 'bytes=99-' }, 416, ''],
      ];
      for (const [headers, status, text] of cases) {
        const file = await r2.downloadFile({ bucket, key: KEY });
        const response = file?.toResponse(new Request('https://media.example/ten.txt', { headers }));
        expectSame([response?.status, await response?.text()], [status, text]);
      }
    },
  },
  {
    name: 'refuses bad keys and buckets before anything is sent',
    async run(r2, bucket) {
      const acts = [
        (at: { bucket: string; key: string }) => r2.downloadFile(at),
        (at: { bucket: string; key: string }) => r2.headFile(at),
        (at: { bucket: string; key: string }) => r2.deleteFile(at),
        (at: { bucket: string; key: string }) => r2.uploadFile({ ...at, body: 'x' }),
        (at: { bucket: string; key: string }) => r2.copyFile({ ...at, sourceKey: 'k' }),
      ];
      for (const act of acts) {
        await expectR2Failure(() => act({ bucket, key: '' }), 'INVALID_KEY', 'key "" is empty.');
        const dots = 'key "a/../b" has a segment `.` or `..`, which a URL cannot carry.';
        await expectR2Failure(() => act({ bucket, key: 'a/../b' }), 'INVALID_KEY', dots);
        const control = 'key "a\\nb" holds a control character.';
        await expectR2Failure(() => act({ bucket, key: 'a\nb' }), 'INVALID_KEY', control);
        const name = 'bucket "A" is not a bucket name: 3 to 63 lower-case letters, digits and hyphens.';
        await expectR2Failure(() => act({ bucket: 'A', key: 'k' }), 'INVALID_OPTION', name);
      }
    },
  },
  {
    name: 'takes keys with spaces, signs and letters of any script',
    async run(r2, bucket) {
      const names = ["a b+c%20&=?#!'()*", 'é/日本語/😀', '~_-.…', '%2e%2e/x', 'a//b', ' lead', '__proto__'];
      for (const key of names.map((name) => `contract/odd/${name}`)) {
        await r2.uploadFile({ bucket, key, body: key });
        expectSame(await textOf(r2, bucket, key), key);
      }
      const listed = await r2.listFiles({ bucket, prefix: 'contract/odd/' });
      expectSame(listed.map(({ key }) => key).sort(), names.map((name) => `contract/odd/${name}`).sort());
      expectSame(await r2.deletePrefix({ bucket, prefix: 'contract/odd/' }), {
        deleted: names.length,
        failed: [],
        matched: names.length,
        dryRun: false,
      });
    },
  },
];
