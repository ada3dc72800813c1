import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { planParts } from '../../../../src/clients/r2/signing/part-plan.js';
import { startS3Front, type S3Front } from '../../../support/s3-front.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';

const BUCKET = 'signed-parts';
const MIB = 1024 ** 2;

let front: S3Front;
let r2: R2Client;

beforeAll(async () => {
  front = await startS3Front({ buckets: [BUCKET], pageSize: 3 });
  r2 = new R2Client(front.config);
});

afterAll(() => front.stop());

const content = (size: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length: size }, (_, index) => (index >> 8) & 255);

async function put(url: string, body: Uint8Array<ArrayBuffer>): Promise<{ status: number; etag: string }> {
  const response = await fetch(url, { method: 'PUT', body });
  await response.body?.cancel();
  return { status: response.status, etag: response.headers.get('etag') ?? '' };
}

describe('an upload in signed parts', () => {
  it('stores a file that a browser cuts by the plan, and resumes from the parts that are there', async () => {
    const file = content(12 * MIB + 5);
    const plan = planParts(file.byteLength, 5 * MIB);
    const upload = await r2.createMultipartUpload({ bucket: BUCKET, key: 'film.mp4', metadata: { title: 'Größe' } });
    const numbers = Array.from({ length: plan.partCount }, (_, index) => index + 1);
    const urls = await r2.getSignedPartUrls({ ...upload, partNumbers: numbers, plan, expiresIn: 60 });
    const slice = (part: number): Uint8Array<ArrayBuffer> =>
      file.slice((part - 1) * plan.partSizeBytes, part * plan.partSizeBytes);
    const [first, second, third] = urls;
    // The last one first, as parallel uploads may end.
    expect((await put(third!.url, slice(3))).status).toBe(200);
    expect((await put(first!.url, slice(1))).status).toBe(200);
    const there = await r2.listMultipartParts(upload);
    expect(there.map(({ partNumber, size }) => [partNumber, size])).toEqual([
      [1, 5 * MIB],
      [3, 2 * MIB + 5],
    ]);
    const { status, etag } = await put(second!.url, slice(2));
    expect(status).toBe(200);
    // Out of order, and with the quotes of the header.
    const done = await r2.completeMultipartUpload({ ...upload, parts: [...there, { partNumber: 2, etag }] });
    expect(done).toEqual({ key: 'film.mp4', etag: expect.stringMatching(/^\w{32}-3$/) as string });
    const stored = await r2.downloadFile({ bucket: BUCKET, key: 'film.mp4' });
    expect(stored).toMatchObject({ contentType: 'video/mp4', size: file.byteLength, metadata: { title: 'Größe' } });
    expect(Buffer.from(await stored!.arrayBuffer()).equals(file)).toBe(true);
  });

  it('is listed, page after page, until it is aborted', async () => {
    const keys = Array.from({ length: 8 }, (_, index) => `pending/${index}`);
    const begun = await Promise.all(keys.map((key) => r2.createMultipartUpload({ bucket: BUCKET, key })));
    await r2.createMultipartUpload({ bucket: BUCKET, key: 'other' });
    const listed = await r2.listMultipartUploads({ bucket: BUCKET, prefix: 'pending/' });
    expect(listed.map(({ key }) => key)).toEqual(keys);
    expect(listed.every(({ initiated }) => Math.abs(Date.now() - initiated.getTime()) < 60_000)).toBe(true);
    expect((await r2.listMultipartUploads({ bucket: BUCKET })).length).toBe(9);
    await Promise.all(begun.map((upload) => r2.abortMultipartUpload(upload)));
    expect(await r2.listMultipartUploads({ bucket: BUCKET, prefix: 'pending/' })).toEqual([]);
    // Once more is not an error.
    await r2.abortMultipartUpload(begun[0]!);
    await expect(r2.listMultipartParts(begun[0]!)).rejects.toMatchObject({ code: 'R2_NO_SUCH_UPLOAD' });
  });

  it('lists parts over several pages, by number', async () => {
    const upload = await r2.createMultipartUpload({ bucket: BUCKET, key: 'many.bin' });
    const partNumbers = [9, 10_000, 2, 4, 1, 3, 77];
    const urls = await r2.getSignedPartUrls({ ...upload, partNumbers, expiresIn: 60 });
    expect(urls.map(({ partNumber }) => partNumber)).toEqual(partNumbers);
    for (const { url } of urls) expect((await put(url, content(1))).status).toBe(200);
    const listed = await r2.listMultipartParts(upload);
    expect(listed.map(({ partNumber }) => partNumber)).toEqual([...partNumbers].sort((one, other) => one - other));
    await r2.abortMultipartUpload(upload);
  });

  it('is given up by its signal', async () => {
    const signal = AbortSignal.abort(new Error('left'));
    const creation = r2.createMultipartUpload({ bucket: BUCKET, key: 'k', signal });
    await expect(creation).rejects.toMatchObject({ code: 'R2_ABORTED', cause: new Error('left') });
  });
});

describe('a signed part', () => {
  let server: S3Server;

  beforeAll(async () => {
    server = await startS3Server({ buckets: [BUCKET] });
  });

  afterAll(() => server.stop());

  it('refuses a part of another size, under another number or of another upload', async () => {
    const plain = new R2Client(server.config);
    const upload = await plain.createMultipartUpload({ bucket: BUCKET, key: 'guarded.bin' });
    const other = await plain.createMultipartUpload({ bucket: BUCKET, key: 'guarded.bin' });
    const [part] = await plain.getSignedPartUrls({ ...upload, partNumbers: [1], contentLength: 5, expiresIn: 60 });
    expect((await put(part!.url, content(6))).status).toBe(403);
    expect((await put(part!.url.replace('partNumber=1', 'partNumber=2'), content(5))).status).toBe(403);
    const elsewhere = part!.url.replace(encodeURIComponent(upload.uploadId), encodeURIComponent(other.uploadId));
    expect((await put(elsewhere, content(5))).status).toBe(403);
    expect((await put(part!.url, content(5))).status).toBe(200);
    await Promise.all([plain.abortMultipartUpload(upload), plain.abortMultipartUpload(other)]);
    expect((await put(part!.url, content(5))).status).toBe(404);
  });
});

describe('input', () => {
  const upload = { bucket: BUCKET, key: 'k', uploadId: 'id' };

  it.each([
    [{ partNumbers: [0] }, 'part number 0 must be an integer from 1 to 10000.'],
    [{ partNumbers: [10_001] }, 'part number 10001 must be'],
    [{ partNumbers: [1.5] }, 'part number 1.5 must be'],
    [{ partNumbers: [1, 2, 1] }, 'part number 1 is given twice.'],
    [{ partNumbers: ['1'] }, 'part number "1" must be'],
    [{ partNumbers: 1 }, 'partNumbers 1 must be an array.'],
    [{ uploadId: '' }, 'uploadId ""'],
    [{ uploadId: 'a b' }, 'uploadId "a b"'],
    [{ contentLength: -1 }, 'contentLength -1 must be'],
    [{ contentLength: 1, plan: planParts(1) }, 'not given together'],
    [{ plan: null }, 'plan null must be an object.'],
    [{ partNumbers: [2], plan: planParts(1) }, 'plan has 1 parts, and no part 2.'],
    [{ expiresIn: 0 }, 'expiresIn 0 must be'],
  ])('of getSignedPartUrls is refused: %j', async (change, message) => {
    const options = { ...upload, partNumbers: [1], expiresIn: 60, ...change } as never;
    await expect(r2.getSignedPartUrls(options)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(message) as string,
    });
  });

  it.each([
    [{ parts: [] }, 'one part at least'],
    [{ parts: undefined }, 'one part at least'],
    [{ parts: [null] }, 'each of parts null must be an object.'],
    [{ parts: [{ partNumber: 1 }] }, 'part 1 has no etag; was ETag exposed by CORS?'],
    [{ parts: [{ partNumber: 1, etag: '""' }] }, 'part 1 has no etag'],
    [
      {
        parts: [
          { partNumber: 1, etag: 'a<b' },
          { partNumber: 1, etag: 'b' },
        ],
      },
      'part number 1 is given twice.',
    ],
    [{ parts: [{ partNumber: 0, etag: 'a' }] }, 'part number 0'],
  ])('of completeMultipartUpload is refused: %j', async (change, message) => {
    const options = { ...upload, ...change } as never;
    await expect(r2.completeMultipartUpload(options)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(message) as string,
    });
  });

  it('of the others is refused before anything is sent', async () => {
    front.reset();
    const wrong = { ...upload, key: '..' };
    await expect(r2.createMultipartUpload(wrong)).rejects.toMatchObject({ code: 'INVALID_KEY' });
    await expect(r2.listMultipartParts(wrong)).rejects.toMatchObject({ code: 'INVALID_KEY' });
    await expect(r2.abortMultipartUpload(wrong)).rejects.toMatchObject({ code: 'INVALID_KEY' });
    await expect(r2.listMultipartUploads({ bucket: '..' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(r2.createMultipartUpload({ ...upload, contentType: '' })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    expect(front.seen).toEqual([]);
  });
});
