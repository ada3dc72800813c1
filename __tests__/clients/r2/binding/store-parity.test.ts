import { createHash } from 'node:crypto';
import { isCloudflareClientError } from '../../../../src/errors.js';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { internalsOf } from '../../../../src/clients/r2/r2-internals.js';
import type {
  ObjectConditions,
  ObjectHeaders,
  ObjectStore,
  StoreBody,
  StorePart,
  StorePut,
  StoreRead,
} from '../../../../src/clients/r2/store/object-store.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';

const S3_BUCKET = 'reached-by-s3';
const BOUND_BUCKET = 'reached-by-binding';
const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;
const HEADERS: ObjectHeaders = { contentType: 'text/plain', metadata: {} };

let server: S3Server;
let s3: ObjectStore;
let bound: ObjectStore;

beforeAll(async () => {
  server = await startS3Server({ buckets: [S3_BUCKET, BOUND_BUCKET] });
  const bindings = { [BOUND_BUCKET]: await server.binding(BOUND_BUCKET) };
  const { storeOf } = internalsOf(new R2Client({ ...server.config, bindings }, { maxAttempts: 1 }));
  s3 = storeOf(S3_BUCKET);
  bound = storeOf(BOUND_BUCKET);
});

afterAll(() => server.stop());

/** One store with the bucket that it reaches, so that a case reads like a caller's code. */
class Subject {
  readonly store: ObjectStore;
  readonly bucket: string;

  constructor(store: ObjectStore, bucket: string) {
    this.store = store;
    this.bucket = bucket;
  }

  put(key: string, text: string, more: Partial<StorePut> = {}) {
    const body = new TextEncoder().encode(text);
    return this.store.put({ bucket: this.bucket, key, body, length: body.byteLength, headers: HEADERS, ...more });
  }

  async get(key: string, more: { range?: object; conditions?: ObjectConditions; signal?: AbortSignal } = {}) {
    return shown(await this.store.get({ bucket: this.bucket, key, ...(more as object) }));
  }

  head(key: string, conditions?: ObjectConditions) {
    return this.store.head({ bucket: this.bucket, key, conditions });
  }

  async list(options: { prefix?: string; maxKeys?: number; delimiter?: string; startAfter?: string } = {}) {
    const pages: unknown[] = [];
    let token: string | undefined;
    do {
      const page = await this.store.list({ bucket: this.bucket, prefix: '', maxKeys: 1000, ...options, token });
      pages.push([page.files.map(({ key, size, etag }) => [key, size, etag]), page.prefixes]);
      token = page.token;
    } while (token !== undefined);
    return pages;
  }

  part(key: string, uploadId: string, partNumber: number, body: StoreBody, more: Partial<StorePart> = {}) {
    const length = body instanceof Uint8Array ? body.byteLength : 0;
    return this.store.uploadPart({ bucket: this.bucket, key, uploadId, partNumber, body, length, ...more });
  }

  create(key: string, headers = HEADERS) {
    return this.store.createUpload({ bucket: this.bucket, key, headers });
  }
}

async function shown(read: StoreRead): Promise<unknown> {
  if (read.status !== 'found') return { status: read.status };
  const { lastModified: _date, ...info } = read.info;
  return { status: read.status, info, range: read.range, text: await new Response(read.body).text() };
}

/** What a caller sees, apart from times and the name of the bucket. */
async function outcomeOf(subject: Subject, act: (subject: Subject) => Promise<unknown>): Promise<unknown> {
  const text = (value: string): string => value.replaceAll(subject.bucket, 'BUCKET');
  try {
    const result = await act(subject);
    const replaced = JSON.stringify(result ?? null, (name, value: unknown) => (name === 'lastModified' ? '' : value));
    return { result: JSON.parse(text(replaced)) as unknown };
  } catch (error) {
    if (!isCloudflareClientError(error)) throw error;
    return { code: error.code, message: text(error.message) };
  }
}

const streamOf = (...chunks: string[]): ReadableStream => new Blob(chunks).stream();
const all: ObjectHeaders = {
  contentType: 'text/vtt; charset=utf-8',
  cacheControl: 'private, max-age=60',
  contentDisposition: 'attachment; filename="a.vtt"',
  contentEncoding: 'x-test',
  contentLanguage: 'de',
  metadata: { title: 'Größe 😀', plain: 'a b', word: '=?utf-8?B?aGk=?=' },
};

const CASES: readonly [name: string, act: (subject: Subject) => Promise<unknown>][] = [
  ['stores and reads every header', async (it) => [await it.put('all', 'text', { headers: all }), await it.get('all')]],
  [
    'knows the same without the content',
    async (it) => [await it.put('all', 'text', { headers: all }), await it.head('all')],
  ],
  ['stores an empty object', async (it) => [await it.put('empty', ''), await it.get('empty'), await it.head('empty')]],
  [
    'stores a stream',
    async (it) => [await it.put('s', '', { body: streamOf('ab', 'cd'), length: 4 }), await it.get('s')],
  ],
  ['stores an empty stream', async (it) => [await it.put('s', '', { body: streamOf(), length: 0 }), await it.get('s')]],
  ['stores a Blob', async (it) => [await it.put('b', '', { body: new Blob(['abc']), length: 3 }), await it.get('b')]],
  ['refuses a stream that is too short', async (it) => it.put('short', '', { body: streamOf('ab'), length: 4 })],
  ['refuses a stream that is too long', async (it) => it.put('long', '', { body: streamOf('abcdef'), length: 4 })],
  ['stores nothing of either', async (it) => [await it.get('short'), await it.get('long')]],
  ['takes the right MD5', async (it) => it.put('md5', 'abc', { md5: createHash('md5').update('abc').digest() })],
  ['refuses another MD5', async (it) => it.put('bad', 'abc', { md5: createHash('md5').update('x').digest() })],
  ['stores nothing of what has another MD5', async (it) => it.get('bad')],
  ['misses what is not there', async (it) => [await it.get('none'), await it.head('none')]],
  [
    'writes once',
    async (it) => {
      await it.put('once', 'one', { conditions: { ifNoneMatch: '*' } });
      return it.put('once', 'two', { conditions: { ifNoneMatch: '*' } });
    },
  ],
  ['kept what was written first', async (it) => it.get('once')],
  [
    'replaces only the tag that was seen',
    async (it) => {
      const { etag } = await it.put('seen', 'one');
      await it.put('seen', 'two', { conditions: { ifMatch: etag } });
      return it.put('seen', 'three', { conditions: { ifMatch: etag } });
    },
  ],
  [
    'puts if it is unmodified since later',
    async (it) => {
      await it.put('t', 'one');
      return it.put('t', 'two', { conditions: { ifUnmodifiedSince: new Date(Date.now() + HOUR_MS) } });
    },
  ],
  [
    'does not put if it is modified since before',
    async (it) => {
      await it.put('t', 'one');
      return it.put('t', 'two', { conditions: { ifUnmodifiedSince: new Date(Date.now() - HOUR_MS) } });
    },
  ],
  [
    'does not put over nothing on condition of a tag',
    async (it) => it.put('nothing', 'x', { conditions: { ifMatch: 'abc' } }),
  ],
  ...[
    { offset: 2, length: 3 },
    { offset: 8, length: 30 },
    { offset: 7 },
    { suffix: 4 },
    { suffix: 40 },
    { offset: 10 },
    { offset: 10, length: 1 },
    { offset: 11, length: 1 },
  ].map((range): (typeof CASES)[number] => [
    `reads ${JSON.stringify(range)} of 10 bytes`,
    async (it) => [await it.put('range', '0123456789'), await it.get('range', { range })],
  ]),
  [
    'refuses a range of an empty object',
    async (it) => {
      await it.put('empty', '');
      return it.get('empty', { range: { offset: 0 } });
    },
  ],
  ...conditionCases('get', (it, conditions) => it.get('cond', { conditions })),
  ...conditionCases('head', (it, conditions) => it.head('cond', conditions)),
  [
    'deletes, and what is not there too',
    async (it) => {
      await it.put('gone', 'x');
      const { bucket } = it;
      await it.store.delete({ bucket, key: 'gone' });
      await it.store.delete({ bucket, key: 'gone' });
      return it.head('gone');
    },
  ],
  [
    'deletes many',
    async (it) => {
      for (const key of ['many/a', 'many/é', 'many/ ', 'many/&<>"\'']) await it.put(key, 'x');
      const keys = ['many/a', 'many/é', 'many/ ', 'many/&<>"\'', 'many/none'];
      return [await it.store.deleteMany({ bucket: it.bucket, keys }), await it.list({ prefix: 'many/' })];
    },
  ],
  [
    'lists page by page',
    async (it) => {
      for (const key of ['p/a', 'p/b', 'p/c', 'p/é', 'p/😀']) await it.put(key, key);
      return [await it.list({ prefix: 'p/', maxKeys: 2 }), await it.list({ prefix: 'p/', startAfter: 'p/b' })];
    },
  ],
  [
    'lists by a delimiter',
    async (it) => {
      for (const key of ['d/1', 'd/x/1', 'd/x/2', 'd/y/1', 'd/z']) await it.put(key, key);
      return [
        await it.list({ prefix: 'd/', delimiter: '/' }),
        await it.list({ prefix: 'd/', delimiter: '/', maxKeys: 2 }),
      ];
    },
  ],
  ['lists nothing', async (it) => it.list({ prefix: 'nothing/' })],
  [
    'copies with headers',
    async (it) => {
      const { bucket } = it;
      await it.put('from', 'text', { headers: all });
      const copied = await it.store.copy({ bucket, key: 'to', sourceBucket: bucket, sourceKey: 'from' });
      return [copied, await it.get('to')];
    },
  ],
  [
    'copies an empty object',
    async (it) => {
      const { bucket } = it;
      await it.put('from empty', '');
      return [
        await it.store.copy({ bucket, key: 'to', sourceBucket: bucket, sourceKey: 'from empty' }),
        await it.get('to'),
      ];
    },
  ],
  [
    'copies with other headers',
    async (it) => {
      const { bucket } = it;
      await it.put('from', 'text', { headers: all });
      const headers = { contentType: 'text/css', metadata: { other: 'ü' } };
      await it.store.copy({ bucket, key: 'to', sourceBucket: bucket, sourceKey: 'from', headers });
      return it.get('to');
    },
  ],
  [
    'copies one version only',
    async (it) => {
      const { bucket } = it;
      await it.put('from', 'text');
      return it.store.copy({ bucket, key: 'to', sourceBucket: bucket, sourceKey: 'from', sourceEtag: 'other' });
    },
  ],
  [
    'copies no source that is not there',
    async (it) => {
      const { bucket } = it;
      return it.store.copy({ bucket, key: 'to', sourceBucket: bucket, sourceKey: 'none' });
    },
  ],
  [
    'uploads in parts',
    async (it) => {
      const uploadId = await it.create('parts', all);
      const two = await it.part('parts', uploadId, 2, new Uint8Array(3).fill(2));
      const one = await it.part('parts', uploadId, 1, new Uint8Array(5 * MIB).fill(1));
      const parts = [
        { partNumber: 2, ...two },
        { partNumber: 1, ...one },
      ];
      const done = await it.store.completeUpload({ bucket: it.bucket, key: 'parts', uploadId, parts });
      const { info } = (await it.head('parts')) as { info: object };
      return [done, info, await it.get('parts', { range: { offset: 5 * MIB - 1, length: 3 } })];
    },
  ],
  [
    'uploads a part from a stream',
    async (it) => {
      const uploadId = await it.create('streamed');
      const { etag } = await it.part('streamed', uploadId, 1, streamOf('abc', 'def'), { length: 6 });
      return it.store.completeUpload({
        bucket: it.bucket,
        key: 'streamed',
        uploadId,
        parts: [{ partNumber: 1, etag }],
      });
    },
  ],
  [
    'refuses a part of the wrong length',
    async (it) => {
      const uploadId = await it.create('streamed');
      return it.part('streamed', uploadId, 1, streamOf('abc', 'def'), { length: 7 });
    },
  ],
  [
    'refuses parts that are too small',
    async (it) => {
      const uploadId = await it.create('small');
      const one = await it.part('small', uploadId, 1, new Uint8Array(1));
      const two = await it.part('small', uploadId, 2, new Uint8Array(1));
      const parts = [
        { partNumber: 1, ...one },
        { partNumber: 2, ...two },
      ];
      return it.store.completeUpload({ bucket: it.bucket, key: 'small', uploadId, parts });
    },
  ],
  [
    'refuses a part that it does not have',
    async (it) => {
      const uploadId = await it.create('wrong');
      await it.part('wrong', uploadId, 1, new Uint8Array(1));
      return it.store.completeUpload({
        bucket: it.bucket,
        key: 'wrong',
        uploadId,
        parts: [{ partNumber: 1, etag: 'x' }],
      });
    },
  ],
  [
    'refuses a part of an upload that was given up',
    async (it) => {
      const { bucket } = it;
      const uploadId = await it.create('given up');
      await it.store.abortUpload({ bucket, key: 'given up', uploadId });
      await it.store.abortUpload({ bucket, key: 'given up', uploadId });
      return it.part('given up', uploadId, 1, new Uint8Array(1));
    },
  ],
  [
    'completes nothing that was given up',
    async (it) => {
      const { bucket } = it;
      const uploadId = await it.create('given up');
      const { etag } = await it.part('given up', uploadId, 1, new Uint8Array(1));
      await it.store.abortUpload({ bucket, key: 'given up', uploadId });
      return it.store.completeUpload({ bucket, key: 'given up', uploadId, parts: [{ partNumber: 1, etag }] });
    },
  ],
  ['does nothing for a signal that fired before', async (it) => it.get('all', { signal: AbortSignal.abort('no') })],
];

function conditionCases(
  name: string,
  act: (subject: Subject, conditions: ObjectConditions) => Promise<unknown>,
): (typeof CASES)[number][] {
  const past = new Date(Date.now() - HOUR_MS);
  const future = new Date(Date.now() + HOUR_MS);
  const etag = createHash('md5').update('cond').digest('hex');
  const conditions: ObjectConditions[] = [
    { ifMatch: etag },
    { ifMatch: '*' },
    { ifMatch: 'other' },
    { ifNoneMatch: etag },
    { ifNoneMatch: '*' },
    { ifNoneMatch: 'other' },
    { ifModifiedSince: past },
    { ifModifiedSince: future },
    { ifUnmodifiedSince: past },
    { ifUnmodifiedSince: future },
    { ifMatch: etag, ifUnmodifiedSince: past },
    { ifNoneMatch: 'other', ifModifiedSince: future },
    { ifMatch: 'other', ifNoneMatch: etag },
    { ifMatch: etag, ifNoneMatch: etag },
  ];
  const nameOf = (each: ObjectConditions): string =>
    Object.entries(each)
      .map(([key, value]) => `${key} ${value === past ? 'past' : value === future ? 'future' : String(value)}`)
      .join(' and ');
  return conditions.map((each) => [
    `answers a ${name} under ${nameOf(each)}`,
    async (it) => {
      await it.put('cond', 'cond');
      return act(it, each);
    },
  ]);
}

describe('a bound bucket behaves as over S3: it', () => {
  it.each(CASES)('%s', async (_name, act) => {
    const expected = await outcomeOf(new Subject(s3, S3_BUCKET), act);
    expect(await outcomeOf(new Subject(bound, BOUND_BUCKET), act)).toEqual(expected);
  });
});

describe('an object reads the same by either path', () => {
  it.each(['by S3', 'by the binding'])('when it was stored %s', async (by) => {
    const binding = await server.binding(S3_BUCKET);
    const local = internalsOf(new R2Client({ bindings: { [S3_BUCKET]: binding } })).storeOf(S3_BUCKET);
    const writer = new Subject(by === 'by S3' ? s3 : local, S3_BUCKET);
    const metadata = {
      title: 'Größe',
      emoji: '😀',
      plain: 'plain',
      word: '=?utf-8?B?aGk=?=',
      long: 'ü'.repeat(200),
      o: 'Ã¼',
    };
    await writer.put('either', 'text', { headers: { ...all, metadata } });
    const [overS3, byBinding] = [
      await new Subject(s3, S3_BUCKET).get('either'),
      await new Subject(local, S3_BUCKET).get('either'),
    ];
    expect(overS3).toMatchObject({ info: { metadata } });
    expect(byBinding).toEqual(overS3);
    if (by === 'by the binding')
      expect((await binding.head('either'))?.customMetadata).toMatchObject({ title: 'Größe' });
  });
});
