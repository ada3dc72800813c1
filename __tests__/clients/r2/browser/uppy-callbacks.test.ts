import { uppyCallbacks, type UppyCallbacksOptions } from '../../../../src/clients/r2/browser/uppy-callbacks.js';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { startS3Front, type S3Front } from '../../../support/s3-front.js';
import { texts } from '../../../support/s3-front/xml.js';
import { countedIds, refusal, sendSigned } from './uploads.js';

const MIB = 1024 * 1024;
const bucket = 'callbacks-media';
const prefix = 'u1/originals/';

let front: S3Front;
let r2: R2Client;

beforeAll(async () => {
  front = await startS3Front({ buckets: [bucket], pageSize: 2 });
  r2 = new R2Client(front.config);
});

afterAll(() => front.stop());

beforeEach(() => front.reset());

function callbacks(options: Partial<UppyCallbacksOptions> = {}) {
  return uppyCallbacks(r2, { bucket, prefix, newId: countedIds(), ...options });
}

async function stored(key: string): Promise<string | undefined> {
  return (await r2.downloadFile({ bucket, key }))?.text();
}

describe('getUploadParameters', () => {
  it('signs a PUT below the prefix that stores the file, as the type that was declared', async () => {
    const { fields, ...signed } = callbacks().getUploadParameters({ name: 'é b.TXT', type: 'text/plain', size: 5 });
    expect(signed).toMatchObject({ method: 'PUT', expires: 3600 });
    expect(signed.headers).toEqual({ 'content-type': 'text/plain', 'if-none-match': '*' });
    expect(fields.key).toBe('u1/originals/id-1-é b.TXT');
    expect((await sendSigned(signed, 'PUT', 'hello')).status).toBe(200);
    expect(await r2.headFile({ bucket, key: fields.key })).toMatchObject({ size: 5, contentType: 'text/plain' });
  });

  it('signs for this size, this type and one use', async () => {
    const signed = callbacks({ newId: () => 'once' }).getUploadParameters({
      name: 'a.txt',
      type: 'text/plain',
      size: 5,
    });
    const { key } = signed.fields;
    expect((await sendSigned(signed, 'PUT', 'longer')).status).toBe(403);
    expect((await sendSigned(signed, 'PUT', 'hello', { 'content-type': 'text/html' })).status).toBe(403);
    expect((await sendSigned({ ...signed, headers: { 'content-type': 'text/plain' } }, 'PUT', 'hello')).status).toBe(
      403,
    );
    expect(await stored(key)).toBeUndefined();
    expect((await sendSigned(signed, 'PUT', 'hello')).status).toBe(200);
    expect((await sendSigned(signed, 'PUT', 'other')).status).toBe(412);
    expect(await stored(key)).toBe('hello');
  });

  it('lets 50 racing uses of one URL store one object', async () => {
    const signed = callbacks({ newId: () => 'race' }).getUploadParameters({ name: 'r', size: 2 });
    const bodies = Array.from({ length: 50 }, (_, index) => String(10 + index));
    const answers = await Promise.all(bodies.map((body) => sendSigned(signed, 'PUT', body)));
    const won = answers.flatMap(({ status }, index) => (status === 200 ? [bodies[index]] : []));
    expect(won).toEqual([await stored(signed.fields.key)]);
  });

  it('signs an empty file, and one to be replaced where writeOnce is off', async () => {
    const signed = callbacks({ writeOnce: false, newId: () => 'empty' }).getUploadParameters({ name: 'e', size: 0 });
    expect(signed.headers).toEqual({ 'content-type': 'application/octet-stream' });
    expect((await sendSigned(signed, 'PUT', '')).status).toBe(200);
    expect((await sendSigned(signed, 'PUT', '')).status).toBe(200);
  });

  it('takes the type of the name where the browser knows none', () => {
    expect(callbacks().getUploadParameters({ name: 'a.mkv', type: '' }).headers['content-type']).toBe(
      'video/x-matroska',
    );
    expect(callbacks().getUploadParameters({ name: 'a.txt' }).headers['content-type']).toBe('text/plain');
  });

  it.each([
    ['a type that is not allowed', { name: 'a.html', type: 'text/html', size: 1 }, 'TYPE_NOT_ALLOWED'],
    ['a type that only begins alike', { name: 'a', type: 'videos/mp4', size: 1 }, 'TYPE_NOT_ALLOWED'],
    ['a type by its name', { name: 'a.exe', size: 1 }, 'TYPE_NOT_ALLOWED'],
    ['no media type', { name: 'a', type: 'video/mp4\r\nx: y', size: 1 }, 'BAD_REQUEST'],
    ['more bytes than allowed', { name: 'a.mp4', size: 101 }, 'TOO_LARGE'],
    ['a size as text that is too large', { name: 'a.mp4', size: '101' }, 'TOO_LARGE'],
    ['no size where there is a limit', { name: 'a.mp4' }, 'SIZE_REQUIRED'],
    ['half a byte', { name: 'a.mp4', size: 0.5 }, 'BAD_REQUEST'],
    ['less than nothing', { name: 'a.mp4', size: -1 }, 'BAD_REQUEST'],
    ['no number', { name: 'a.mp4', size: 'many' }, 'BAD_REQUEST'],
  ])('refuses %s', async (_name, file, reason) => {
    const limited = callbacks({ allowedTypes: ['video/*', 'image/png'], maxSizeBytes: 100 });
    expect(await refusal(() => limited.getUploadParameters(file))).toBe(reason);
    expect(
      await refusal(() => limited.getUploadParameters({ name: 'a.PNG', type: 'image/PNG', size: 100 })),
    ).toBeNull();
  });

  it('refuses more than R2 takes in one PUT', async () => {
    expect(await refusal(() => callbacks().getUploadParameters({ name: 'a', size: 5 * 1024 ** 3 }))).toBe('TOO_LARGE');
  });
});

describe('uploads in parts', () => {
  it('store the file, over several pages of parts', async () => {
    const uploads = callbacks();
    const { uploadId, key } = await uploads.createMultipartUpload({ name: 'a.mp4', type: 'video/mp4' });
    const bodies = [1, 2, 3].map((part) => Buffer.alloc(part === 3 ? 9 : 5 * MIB, part));
    const parts: { PartNumber: number; ETag: string }[] = [];
    for (const [index, body] of bodies.entries()) {
      const signed = uploads.signPart({ uploadId, key, partNumber: index + 1, size: body.length });
      const { etag, status } = await sendSigned(signed, 'PUT', new Uint8Array(body));
      expect(status).toBe(200);
      parts.push({ PartNumber: index + 1, ETag: etag });
    }
    expect(await uploads.listParts({ uploadId, key })).toEqual(
      parts.map((part, index) => ({ ...part, Size: bodies[index]?.length })),
    );
    const done = await uploads.completeMultipartUpload({ uploadId, key, parts });
    expect(done).toEqual({ key, bucket, location: `${front.endpoint}/${bucket}/u1/originals/id-1-a.mp4` });
    const file = await r2.downloadFile({ bucket, key });
    expect(file?.contentType).toBe('video/mp4');
    expect(Buffer.concat(bodies).equals(Buffer.from(await file!.arrayBuffer()))).toBe(true);
    expect(front.pending(bucket)).toEqual([]);
  });

  it('sign a part for its size, its number and its upload alone', async () => {
    const uploads = callbacks();
    const { uploadId, key } = await uploads.createMultipartUpload({ name: 'b.mp4' });
    const signed = uploads.signPart({ uploadId, key, partNumber: '2', size: 4 });
    expect((await sendSigned(signed, 'PUT', 'longer')).status).toBe(403);
    const other = signed.url.replace('partNumber=2', 'partNumber=1');
    expect((await sendSigned({ ...signed, url: other }, 'PUT', 'four')).status).toBe(403);
    expect((await sendSigned(signed, 'PUT', 'four')).status).toBe(200);
    await uploads.abortMultipartUpload({ uploadId, key });
    expect(front.pending(bucket)).toEqual([]);
  });

  it('are not completed when they have grown too large, and leave no parts', async () => {
    const maxSizeBytes = 5 * MIB + 8;
    const uploads = callbacks({ maxSizeBytes });
    const { uploadId, key } = await uploads.createMultipartUpload({ name: 'c.mp4' });
    const parts: { PartNumber: number; ETag: string }[] = [];
    for (const [PartNumber, size] of [
      [1, 5 * MIB],
      [2, 9],
    ] as const) {
      const signed = uploads.signPart({ uploadId, key, partNumber: PartNumber });
      parts.push({ PartNumber, ETag: (await sendSigned(signed, 'PUT', new Uint8Array(size))).etag });
    }
    expect(await refusal(() => uploads.completeMultipartUpload({ uploadId, key, parts }))).toBe('TOO_LARGE');
    expect(front.pending(bucket)).toEqual([]);
    expect(await stored(key)).toBeUndefined();
    expect(await refusal(() => uploads.createMultipartUpload({ name: 'c', size: maxSizeBytes + 1 }))).toBe('TOO_LARGE');
    expect(await refusal(() => uploads.signPart({ uploadId, key, partNumber: 3 }))).toBe('TOO_LARGE');
    expect(await refusal(() => uploads.signPart({ uploadId, key, partNumber: 1, size: maxSizeBytes + 1 }))).toBe(
      'TOO_LARGE',
    );
  });

  it('replace no object, unless writeOnce is off', async () => {
    const once = { keyFor: ({ name }: { name: string }) => name };
    const upload = async (content: string, uploads: ReturnType<typeof callbacks>) => {
      const { uploadId, key } = await uploads.createMultipartUpload({ name: 'same.txt' });
      const { etag } = await sendSigned(uploads.signPart({ uploadId, key, partNumber: 1 }), 'PUT', content);
      return { uploadId, key, parts: [{ PartNumber: 1, ETag: etag }] };
    };
    const uploads = callbacks(once);
    const [first, second, third] = [
      await upload('first', uploads),
      await upload('second', uploads),
      await upload('third', uploads),
    ];
    await uploads.completeMultipartUpload(first);
    expect(await refusal(() => uploads.completeMultipartUpload(second))).toBe('ALREADY_STORED');
    expect(await refusal(() => uploads.signRequest({ method: 'POST', ...third }))).toBe('ALREADY_STORED');
    expect(await stored(first.key)).toBe('first');
    expect(front.pending(bucket)).toEqual([]);
    const many = callbacks({ ...once, writeOnce: false });
    await many.completeMultipartUpload(await upload('other', many));
    expect(await stored(first.key)).toBe('other');
  });

  it('replace no object that came while they were completed', async () => {
    const uploads = callbacks();
    const { uploadId, key } = await uploads.createMultipartUpload({ name: 'late.txt' });
    const { etag } = await sendSigned(uploads.signPart({ uploadId, key, partNumber: 1 }), 'PUT', 'mine');
    const parts = [{ PartNumber: 1, ETag: etag }];
    const refused = { status: 412, code: 'PreconditionFailed' };
    front.fault(({ operation }) => operation === 'CompleteMultipartUpload', refused);
    expect(await refusal(() => uploads.completeMultipartUpload({ uploadId, key, parts }))).toBe('ALREADY_STORED');
    expect(front.pending(bucket)).toEqual([]);
    expect((await uploads.signRequest({ method: 'POST', key, uploadId })).headers).toEqual({ 'if-none-match': '*' });
  });

  it('are not completed with parts that were not measured', async () => {
    const uploads = callbacks({ maxSizeBytes: 6 * MIB });
    const { uploadId, key } = await uploads.createMultipartUpload({ name: 'race.mp4' });
    const first = await sendSigned(uploads.signPart({ uploadId, key, partNumber: 1 }), 'PUT', 'small');
    const one = { PartNumber: 1, ETag: first.etag };
    // The tag of a part that is sent between the measuring and the completion can be known before: it was sent once already.
    for (const parts of [[{ PartNumber: 1, ETag: '"other"' }], [one, { PartNumber: 2, ETag: '"to come"' }]]) {
      front.reset();
      expect(await refusal(() => uploads.completeMultipartUpload({ uploadId, key, parts }))).toBe('BAD_REQUEST');
      expect(front.count('CompleteMultipartUpload')).toBe(0);
    }
    await uploads.completeMultipartUpload({ uploadId, key, parts: [one] });
    expect(await stored(key)).toBe('small');
  });

  it.each([
    ['no list', undefined],
    ['an empty list', []],
    ['a part without a tag', [{ PartNumber: 1 }]],
    ['a number of text', [{ PartNumber: '1', ETag: 'a' }]],
    ['part 0', [{ PartNumber: 0, ETag: 'a' }]],
    ['part 10,001', [{ PartNumber: 10_001, ETag: 'a' }]],
    [
      'a part twice',
      [
        { PartNumber: 1, ETag: 'a' },
        { PartNumber: 1, ETag: 'b' },
      ],
    ],
    ['no objects', [null, 1]],
  ])('are not completed with %s', async (_name, parts) => {
    const work = (): unknown => callbacks().completeMultipartUpload({ uploadId: 'u', key: `${prefix}k`, parts });
    expect(await refusal(work)).toBe('BAD_REQUEST');
    expect(front.count()).toBe(0);
  });
});

describe('confinement to the prefix', () => {
  const foreign = [
    'u2/originals/k',
    'u1/originals/',
    'u1/originals',
    'u1/originals/../../u2/k',
    'u1/originals/./k',
    'u1/originals/\u0000',
    '/u1/originals/k',
    'U1/originals/k',
    'k',
    ' u1/originals/k',
  ];

  it.each(foreign)('refuses the key %j everywhere, without a request', async (key) => {
    const uploads = callbacks();
    const upload = { key, uploadId: 'some-upload', partNumber: 1, parts: [{ PartNumber: 1, ETag: 'a' }] };
    for (const work of [
      () => uploads.signPart(upload),
      () => uploads.listParts(upload),
      () => uploads.completeMultipartUpload(upload),
      () => uploads.abortMultipartUpload(upload),
      () => uploads.signRequest({ method: 'PUT', ...upload }),
      () => uploads.signRequest({ method: 'GET', key, uploadId: 'some-upload' }),
      () => uploads.signRequest({ method: 'POST', key, uploadId: 'some-upload' }),
      () => uploads.signRequest({ method: 'DELETE', key, uploadId: 'some-upload' }),
    ]) {
      expect(await refusal(work)).toBe('KEY_NOT_ALLOWED');
    }
    expect(front.count()).toBe(0);
  });

  it.each([undefined, null, '', 5, {}, ['u1/originals/k']])('refuses the key %j', async (key) => {
    expect(await refusal(() => callbacks().signPart({ key, uploadId: 'u', partNumber: 1 }))).toBe('BAD_REQUEST');
  });

  it.each([undefined, '', 'a b', 'a\nb', 'é', 'x'.repeat(2049), 5])('refuses the upload id %j', async (uploadId) => {
    const upload = { key: `${prefix}k`, uploadId, partNumber: 1 };
    expect(await refusal(() => callbacks().signPart(upload))).toBe('BAD_REQUEST');
  });

  it.each([undefined, 0, 10_001, 1.5, '1.5', '-1', '1e3', ' 1', NaN])(
    'refuses the part number %j',
    async (partNumber) => {
      const upload = { key: `${prefix}k`, uploadId: 'u', partNumber };
      expect(await refusal(() => callbacks().signPart(upload))).toBe('BAD_REQUEST');
    },
  );

  it('lets an upload be reached under its own key only', async () => {
    const uploads = callbacks();
    const { uploadId } = await uploads.createMultipartUpload({ name: 'mine' });
    const { uploadId: theirs, key } = await callbacks({ prefix: 'u2/' }).createMultipartUpload({ name: 'theirs' });
    const under = { uploadId: theirs, key: `${prefix}k` };
    await expect(uploads.listParts(under)).rejects.toMatchObject({ code: 'R2_NO_SUCH_UPLOAD' });
    await uploads.abortMultipartUpload(under);
    expect((await sendSigned(uploads.signPart({ ...under, partNumber: 1 }), 'PUT', 'x')).status).toBe(404);
    expect(
      front
        .pending(bucket)
        .map((upload) => upload.uploadId)
        .sort(),
    ).toEqual([uploadId, theirs].sort());
    await uploads.abortMultipartUpload({
      uploadId,
      key: front.pending(bucket).find((u) => u.uploadId === uploadId)!.key,
    });
    await callbacks({ prefix: 'u2/' }).abortMultipartUpload({ uploadId: theirs, key });
    expect(front.pending(bucket)).toEqual([]);
  });

  it.each(['', '/', 'u1', '/u1/', 'u1/../', 'a/./', 'e\u0301/', '\u212a1/', 'x'.repeat(1024) + '/'])(
    'does not take the prefix %j',
    (wrong) => {
      expect(() => callbacks({ prefix: wrong })).toThrow(/prefix/);
    },
  );

  it('does not let keyFor leave the prefix', () => {
    const file = { name: 'a', size: 1 };
    expect(() => callbacks({ keyFor: () => '../x' }).getUploadParameters(file)).toThrow(/segment/);
    expect(() => callbacks({ keyFor: () => '' }).getUploadParameters(file)).toThrow(/keyFor/);
    expect(callbacks({ keyFor: ({ id, name }) => `${id}/${name}` }).getUploadParameters(file).fields.key).toBe(
      `${prefix}id-1/a`,
    );
  });
});

describe('signRequest', () => {
  it('signs all that Uppy 6 asks for an upload in parts', async () => {
    const uploads = callbacks();
    const created = await uploads.signRequest({ method: 'POST', key: 'c.mp4' });
    expect(created).toMatchObject({ key: `${prefix}id-1-c.mp4`, headers: { 'content-type': 'video/mp4' } });
    const key = created.key!;
    const answer = await sendSigned(created, 'POST');
    const uploadId = texts(answer.text, 'UploadId')[0]!;
    const part = await uploads.signRequest({ method: 'PUT', key, uploadId, partNumber: 1 });
    const { etag } = await sendSigned(part, 'PUT', 'part');
    const list = await uploads.signRequest({ method: 'GET', key, uploadId });
    expect(texts((await sendSigned(list, 'GET')).text, 'Size')).toEqual(['4']);
    const complete = await uploads.signRequest({ method: 'POST', key, uploadId });
    const xml = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`;
    expect((await sendSigned(complete, 'POST', xml)).status).toBe(200);
    expect(await r2.headFile({ bucket, key })).toMatchObject({ size: 4, contentType: 'video/mp4' });
  });

  it('signs an abort', async () => {
    const uploads = callbacks();
    const { uploadId, key } = await uploads.createMultipartUpload({ name: 'x' });
    const abort = await uploads.signRequest({ method: 'DELETE', key, uploadId });
    expect((await sendSigned(abort, 'DELETE')).status).toBe(204);
    expect(front.pending(bucket)).toEqual([]);
  });

  it('signs a PUT under a key of its own, with what our recipe adds', async () => {
    const uploads = callbacks({ maxSizeBytes: 10, allowedTypes: ['text/plain'] });
    const asked = { method: 'PUT', key: 'u2/evil', contentType: 'text/plain' };
    expect(await refusal(() => uploads.signRequest(asked))).toBe('SIZE_REQUIRED');
    const signed = await uploads.signRequest({ ...asked, filename: 'my.txt', size: 5 });
    expect(signed.key).toMatch(/^u1\/originals\/id-\d-my\.txt$/);
    expect((await sendSigned(signed, 'PUT', 'hello')).status).toBe(200);
    expect((await uploads.signRequest({ ...asked, size: 5 })).key).toMatch(/^u1\/originals\/id-\d-evil$/);
    expect(await refusal(() => uploads.signRequest({ ...asked, contentType: 'text/html', size: 5 }))).toBe(
      'TYPE_NOT_ALLOWED',
    );
    expect(await refusal(() => uploads.signRequest({ ...asked, size: 11 }))).toBe('TOO_LARGE');
  });

  it('does not sign a completion of an upload that has grown too large', async () => {
    const uploads = callbacks({ maxSizeBytes: 3 });
    const { uploadId, key } = await uploads.createMultipartUpload({ name: 'x' });
    await sendSigned(uploads.signPart({ uploadId, key, partNumber: 1 }), 'PUT', 'four');
    expect(await refusal(() => uploads.signRequest({ method: 'POST', key, uploadId }))).toBe('TOO_LARGE');
    expect(front.pending(bucket)).toEqual([]);
  });

  it('does not sign a completion ahead of the parts, nor for long, where there is a limit', async () => {
    const uploads = callbacks({ maxSizeBytes: 10 });
    const { uploadId, key } = await uploads.createMultipartUpload({ name: 'x' });
    const request = { method: 'POST', key, uploadId };
    expect(await refusal(() => uploads.signRequest(request))).toBe('BAD_REQUEST');
    await sendSigned(uploads.signPart({ uploadId, key, partNumber: 1 }), 'PUT', 'four');
    const life = async (signing: typeof uploads): Promise<string | null> =>
      new URL((await signing.signRequest(request)).url).searchParams.get('X-Amz-Expires');
    expect(await life(uploads)).toBe('300');
    expect(await life(callbacks({ maxSizeBytes: 10, expiresIn: 60 }))).toBe('60');
    expect(await life(callbacks())).toBe('3600');
    await uploads.abortMultipartUpload({ uploadId, key });
  });

  it('refuses to delete objects, and whatever Uppy does not ask for', async () => {
    const uploads = callbacks();
    const key = `${prefix}k`;
    expect(await refusal(() => uploads.signRequest({ method: 'DELETE', key }))).toBe('DELETE_NOT_ALLOWED');
    for (const request of [
      undefined,
      null,
      'PUT',
      {},
      { method: 'GET', key },
      { method: 'HEAD', key },
      { method: 'PATCH', key, uploadId: 'u' },
      { method: 'PUT', key, partNumber: 1 },
      { method: 'PUT', key, uploadId: 'u' },
      { method: 'PUT', key, uploadId: null, partNumber: 1 },
    ]) {
      expect(await refusal(() => uploads.signRequest(request))).toBe('BAD_REQUEST');
    }
  });
});

describe('options', () => {
  it.each([
    ['bucket', { bucket: 'No' }],
    ['expiresIn', { expiresIn: 604_801 }],
    ['expiresIn', { expiresIn: 0 }],
    ['maxSizeBytes', { maxSizeBytes: 0 }],
    ['allowedTypes', { allowedTypes: [] }],
    ['allowedTypes', { allowedTypes: ['*/*'] }],
    ['writeOnce', { writeOnce: 'yes' as never }],
    ['keyFor', { keyFor: 'x' as never }],
    ['newId', { newId: 'x' as never }],
  ])('%s is checked: %j', (name, options) => {
    expect(() => callbacks(options)).toThrow(name);
  });
});
