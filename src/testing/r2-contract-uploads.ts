import { expectSame } from './kv-contract-expect.js';
import { expectR2Failure, pattern, textOf } from './r2-contract-expect.js';
import type { R2ContractCase } from './r2-contract-expect.js';

const MIB = 1024 * 1024;
const MD5_OF_HELLO = 'be50e8478cf24ff3595bc7307fb91b50';
const IN_PARTS = { multipartThresholdBytes: 5 * MIB, partSizeBytes: 5 * MIB };

/** A stream of these texts, whose length nobody knows. */
function streamOf(...texts: string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      for (const text of texts) controller.enqueue(encoder.encode(text));
      controller.close();
    },
  });
}

/** What uploads do. */
export const r2UploadCases: readonly R2ContractCase[] = [
  {
    name: 'stores text, bytes, a buffer, a Blob and streams of known and unknown length',
    async run(r2, bucket) {
      const bytes = new TextEncoder().encode('héllo');
      const bodies = [
        { body: 'héllo' },
        { body: bytes },
        { body: bytes.slice().buffer },
        { body: new Blob([bytes]) },
        { body: streamOf('hé', 'llo'), contentLength: 6 },
        { body: streamOf('hé', 'llo') },
      ];
      for (const [index, body] of bodies.entries()) {
        const key = `contract/bodies/${index}.txt`;
        const { size, etag } = await r2.uploadFile({ bucket, key, ...body });
        expectSame([size, etag], [6, MD5_OF_HELLO]);
        expectSame(await textOf(r2, bucket, key), 'héllo');
      }
    },
  },
  {
    name: 'stores nothing at all, as bytes and as a stream',
    async run(r2, bucket) {
      for (const body of ['', streamOf()]) {
        const key = 'contract/empty';
        expectSame((await r2.uploadFile({ bucket, key, body })).size, 0);
        expectSame([await textOf(r2, bucket, key), (await r2.headFile({ bucket, key }))?.size], ['', 0]);
      }
    },
  },
  {
    name: 'keeps content type, headers and metadata, also beyond ASCII',
    async run(r2, bucket) {
      const stored = {
        contentType: 'text/vtt; charset=utf-8',
        cacheControl: 'private, max-age=60',
        contentDisposition: 'attachment; filename="a.vtt"',
        contentLanguage: 'de',
        metadata: { title: 'Größe 😀', word: '=?utf-8?B?aGk=?=', long: 'ü'.repeat(100), plain: 'a b' },
      };
      await r2.uploadFile({ bucket, key: 'contract/headers', body: 'x', ...stored });
      for (const info of [
        await r2.headFile({ bucket, key: 'contract/headers' }),
        await r2.downloadFile({ bucket, key: 'contract/headers' }),
      ]) {
        const { contentType, cacheControl, contentDisposition, contentLanguage, metadata } = info ?? stored;
        const { metadata: expected, ...headers } = stored;
        expectSame({ contentType, cacheControl, contentDisposition, contentLanguage }, headers);
        expectSame(Object.entries(metadata).sort(), Object.entries(expected).sort());
      }
    },
  },
  {
    name: 'takes the content type from the extension, and metadata names in lower case',
    async run(r2, bucket) {
      const key = 'contract/segment.m4s';
      await r2.uploadFile({ bucket, key, body: 'x', metadata: { 'Media-Id': 'm1' } });
      const info = await r2.headFile({ bucket, key });
      expectSame([info?.contentType, info?.metadata], ['video/iso.segment', { 'media-id': 'm1' }]);
    },
  },
  {
    name: 'sends in parts what is above the threshold, whether its length is known or not',
    async run(r2, bucket) {
      const bytes = pattern(11 * MIB);
      const bodies = [{ body: bytes }, { body: new Blob([bytes]).stream() }];
      for (const body of bodies) {
        const key = 'contract/parts';
        const loaded: number[] = [];
        const onProgress = (progress: { loaded: number }): void => void loaded.push(progress.loaded);
        const { etag, size } = await r2.uploadFile({ bucket, key, ...body, ...IN_PARTS, onProgress });
        expectSame([etag.slice(-2), size, Math.max(...loaded)], ['-3', bytes.length, bytes.length]);
        const range = { offset: 5 * MIB - 4, length: 8 };
        const part = await r2.downloadFile({ bucket, key, range });
        const expected = bytes.subarray(range.offset, range.offset + range.length);
        expectSame([...new Uint8Array((await part?.arrayBuffer()) ?? new ArrayBuffer(0))], [...expected]);
      }
    },
  },
  {
    name: 'replaces an object, headers and all',
    async run(r2, bucket) {
      const key = 'contract/replaced';
      await r2.uploadFile({ bucket, key, body: 'one', metadata: { a: '1' }, contentType: 'text/plain' });
      await r2.uploadFile({ bucket, key, body: 'two' });
      const info = await r2.headFile({ bucket, key });
      expectSame([await textOf(r2, bucket, key), info?.metadata], ['two', {}]);
    },
  },
  {
    name: 'writes once with ifNoneMatch, in one request and in parts',
    async run(r2, bucket) {
      for (const body of ['x', pattern(6 * MIB)]) {
        const key = `contract/once/${body.length}`;
        await r2.deleteFile({ bucket, key });
        const upload = { bucket, key, body, ifNoneMatch: '*', ...IN_PARTS } as const;
        await r2.uploadFile(upload);
        const { etag } = (await r2.headFile({ bucket, key })) ?? {};
        let code: unknown;
        await r2.uploadFile({ ...upload, contentType: 'text/html' }).catch((error: unknown) => {
          code = (error as { code?: unknown }).code;
        });
        expectSame([code, (await r2.headFile({ bucket, key }))?.etag], ['R2_PRECONDITION_FAILED', etag]);
      }
    },
  },
  {
    name: 'replaces with ifMatch only the version that the caller saw',
    async run(r2, bucket) {
      const key = 'contract/seen';
      const { etag } = await r2.uploadFile({ bucket, key, body: 'one' });
      await r2.uploadFile({ bucket, key, body: 'two', ifMatch: etag });
      const message = `R2 upload of ${bucket}/${key} failed: PreconditionFailed, HTTP 412.`;
      const again = (): Promise<unknown> => r2.uploadFile({ bucket, key, body: 'three', ifMatch: etag });
      await expectR2Failure(again, 'R2_PRECONDITION_FAILED', message);
      expectSame(await textOf(r2, bucket, key), 'two');
    },
  },
  {
    name: 'refuses a stream that is longer or shorter than it was said, and stores nothing',
    async run(r2, bucket) {
      const key = 'contract/wrong-length';
      await r2.deleteFile({ bucket, key });
      for (const contentLength of [4, 6]) {
        const why = `body ended after 5 bytes, and contentLength says ${contentLength}; nothing was stored.`;
        const message = `R2 upload of ${bucket}/${key} failed: ${why}`;
        const upload = (): Promise<unknown> => r2.uploadFile({ bucket, key, body: streamOf('hello'), contentLength });
        await expectR2Failure(upload, 'INVALID_VALUE', message);
      }
      expectSame(await r2.headFile({ bucket, key }), null);
    },
  },
  {
    name: 'refuses content that has another MD5, and stores nothing',
    async run(r2, bucket) {
      const key = 'contract/damaged';
      await r2.deleteFile({ bucket, key });
      const message = `R2 upload of ${bucket}/${key} failed: BadDigest, HTTP 400.`;
      const upload = (): Promise<unknown> => r2.uploadFile({ bucket, key, body: 'x', md5: new Uint8Array(16) });
      await expectR2Failure(upload, 'R2_CHECKSUM_MISMATCH', message);
      expectSame(await r2.headFile({ bucket, key }), null);
    },
  },
  {
    name: 'ends an upload whose signal fired, in one request and in parts',
    async run(r2, bucket) {
      const key = 'contract/aborted';
      await r2.deleteFile({ bucket, key });
      for (const body of ['x', pattern(6 * MIB)]) {
        const upload = { bucket, key, body, ...IN_PARTS, signal: AbortSignal.abort(new Error('left')) };
        const code = await r2.uploadFile(upload).then(
          () => 'stored',
          (error: unknown) => (error as { code?: unknown }).code,
        );
        expectSame([code, await r2.headFile({ bucket, key })], ['R2_ABORTED', null]);
      }
    },
  },
];
