import fc from 'fast-check';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import type { R2SignedUrlsOptions } from '../../../../src/clients/r2/signing/signed-url.js';
import { internalsOf } from '../../../../src/clients/r2/r2-internals.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';

const BUCKET = 'signed-urls';
const WEEK_SECONDS = 604_800;
const config = { accountId: 'a1b2c3', accessKeyId: 'AKID', secretAccessKey: 'a-very-secret-key' };

let server: S3Server;
let r2: R2Client;

beforeAll(async () => {
  server = await startS3Server({ buckets: [BUCKET] });
  r2 = new R2Client(server.config);
  await r2.uploadFile({ bucket: BUCKET, key: 'a b/+.txt', body: 'one' });
  await r2.uploadFile({ bucket: BUCKET, key: 'two.txt', body: 'two' });
});

afterAll(() => server.stop());

const statusOf = async (url: string, init?: RequestInit): Promise<number> => {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response.status;
};

/** The text with one character exchanged for another. */
const exchanged = (text: string, index: number): string =>
  text.slice(0, index) + (text[index] === '0' ? '1' : '0') + text.slice(index + 1);

describe('getSignedUrls', () => {
  it('answers with a URL for each key, in their order, and the server takes them', async () => {
    const urls = await r2.getSignedUrls({ bucket: BUCKET, keys: ['two.txt', 'a b/+.txt', 'two.txt'], expiresIn: 60 });
    expect(await Promise.all(urls.map(async (url) => (await fetch(url)).text()))).toEqual(['two', 'one', 'two']);
    expect(urls[0]).toBe(urls[2]);
    expect(await r2.getSignedUrls({ bucket: BUCKET, keys: [], expiresIn: 60 })).toEqual([]);
  });

  it('signs none when one key is refused', async () => {
    let times = 0;
    const counted = new R2Client(config, { now: () => (times += 1) });
    const signing = counted.getSignedUrls({ bucket: BUCKET, keys: ['k', 'a/../b'], expiresIn: 60 });
    await expect(signing).rejects.toMatchObject({
      code: 'INVALID_KEY',
      message: expect.stringContaining('a/../b') as string,
    });
    expect(times).toBe(0);
  });

  it.each([undefined, 'k', {}, 7])('refuses the keys %p', async (keys) => {
    const signing = r2.getSignedUrls({ bucket: BUCKET, keys, expiresIn: 60 } as unknown as R2SignedUrlsOptions);
    await expect(signing).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('signs 1,800 segments at one date', async () => {
    let now = Date.UTC(2026, 0, 1);
    const ticking = new R2Client(config, { now: () => (now += 1000) });
    const keys = Array.from({ length: 1800 }, (_, index) => `hls/segment-${index}.ts`);
    const urls = await ticking.getSignedUrls({ bucket: BUCKET, keys, expiresIn: 60 });
    expect(new Set(urls).size).toBe(1800);
    expect(new Set(urls.map((url) => new URL(url).searchParams.get('X-Amz-Date')))).toEqual(
      new Set(['20260101T000001Z']),
    );
  });
});

describe('a signed URL', () => {
  it('is refused when any of its parts is tampered with', async () => {
    const url = new URL(
      await r2.getSignedUrl({ bucket: BUCKET, key: 'two.txt', expiresIn: 60, responseContentType: 'text/css' }),
    );
    expect(await statusOf(url.href)).toBe(200);
    const changes: Record<string, (changed: URL) => void> = {
      life: (changed) => changed.searchParams.set('X-Amz-Expires', '61'),
      override: (changed) => changed.searchParams.set('response-content-type', 'text/html'),
      addition: (changed) => changed.searchParams.set('response-cache-control', 'no-store'),
      signature: (changed) =>
        changed.searchParams.set('X-Amz-Signature', exchanged(url.searchParams.get('X-Amz-Signature')!, 5)),
      key: (changed) => void (changed.pathname = changed.pathname.replace('two.txt', 'a%20b/%2B.txt')),
    };
    for (const [name, change] of Object.entries(changes)) {
      const changed = new URL(url);
      change(changed);
      expect([name, await statusOf(changed.href)]).toEqual([name, 403]);
    }
    expect(await statusOf(url.origin + url.pathname)).toBe(400);
    expect(await statusOf(url.href, { method: 'DELETE' })).toBe(403);
    expect(await statusOf(url.href, { method: 'PUT', body: 'x' })).toBe(403);
  });

  it('is refused when it has expired, and when another key signed it', async () => {
    const late = new R2Client(server.config, { now: () => Date.now() - 61_000 });
    expect(await statusOf(await late.getSignedUrl({ bucket: BUCKET, key: 'two.txt', expiresIn: 60 }))).toBe(403);
    const other = new R2Client({ ...server.config, secretAccessKey: 'another' });
    expect(await statusOf(await other.getSignedUrl({ bucket: BUCKET, key: 'two.txt', expiresIn: 60 }))).toBe(403);
  });

  it('takes the whole Content-Disposition in place of a name', async () => {
    const url = await r2.getSignedUrl({
      bucket: BUCKET,
      key: 'two.txt',
      expiresIn: 60,
      downloadName: 'ignored.txt',
      responseContentDisposition: 'inline; filename="x.txt"',
      responseCacheControl: 'private, max-age=60',
    });
    const { searchParams } = new URL(url);
    expect(searchParams.get('response-content-disposition')).toBe('inline; filename="x.txt"');
    expect(searchParams.get('response-cache-control')).toBe('private, max-age=60');
    expect(await statusOf(url)).toBe(200);
  });

  it.each(['responseContentDisposition', 'responseContentType', 'responseCacheControl'])(
    'refuses a %s that no header carries',
    async (option) => {
      const signing = r2.getSignedUrl({ bucket: BUCKET, key: 'k', expiresIn: 60, [option]: 'a\r\nb' });
      await expect(signing).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    },
  );

  it('names value and bound of a life that is refused', async () => {
    const sign = (expiresIn: number, roundExpiry?: number): Promise<string> =>
      r2.getSignedUrl({ bucket: BUCKET, key: 'k', expiresIn, roundExpiry });
    await expect(sign(WEEK_SECONDS)).resolves.toContain('X-Amz-Expires=604800');
    await expect(sign(WEEK_SECONDS + 1)).rejects.toThrow('expiresIn 604801 must be an integer from 1 to 604800.');
    await expect(sign(0)).rejects.toThrow('expiresIn 0 must be an integer from 1 to 604800.');
    await expect(sign(60, 0)).rejects.toThrow('roundExpiry 0 must be an integer from 1 to 604800.');
    await expect(sign(WEEK_SECONDS - 59, 60)).rejects.toThrow(
      'expiresIn 604741 and roundExpiry 60 are 604801 seconds together; 604800 is the most.',
    );
    await expect(sign(WEEK_SECONDS - 60, 60)).resolves.toContain('X-Amz-Expires=604800');
  });

  it('holds no secret, and neither does an error', async () => {
    const withToken = { ...config, sessionToken: 'a-very-secret-token' };
    const client = new R2Client(withToken, { now: () => NaN });
    const refusals = [
      client.getSignedUrl({ bucket: 'media', key: 'k', expiresIn: 60 }),
      client.getSignedUrl({ bucket: 'media', key: '..', expiresIn: 60 }),
      client.getSignedUrls({ bucket: 'media', keys: [''], expiresIn: 60 }),
      client.getSignedUploadUrl({ bucket: 'media', key: 'k', expiresIn: 0 }),
    ];
    for (const refusal of refusals) {
      const error = await refusal.catch((failure: unknown) => failure);
      expect(error).toMatchObject({ name: 'CloudflareClientError' });
      expect(JSON.stringify([String(error), (error as Error).stack])).not.toMatch(/very-secret/);
    }
    const url = await new R2Client(config).getSignedUrl({ bucket: 'media', key: 'k', expiresIn: 60 });
    expect(url).not.toMatch(/very-secret/);
  });
});

describe('a client with bindings alone', () => {
  it('says which credentials signing needs, also for a bound bucket', async () => {
    const bound = new R2Client({ bindings: {} });
    const calls = [
      bound.getSignedUrl({ bucket: 'media', key: 'k', expiresIn: 60 }),
      bound.getSignedUrls({ bucket: 'media', keys: ['k'], expiresIn: 60 }),
      bound.getSignedUploadUrl({ bucket: 'media', key: 'k', expiresIn: 60 }),
      bound.createMultipartUpload({ bucket: 'media', key: 'k' }),
    ];
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({
        code: 'MISSING_CREDENTIALS',
        message: expect.stringContaining('secretAccessKey') as string,
      });
    }
  });
});

describe('roundExpiry', () => {
  const lifeOf = (url: string): { from: number; to: number } => {
    const { searchParams } = new URL(url);
    const date = searchParams.get('X-Amz-Date')!.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5');
    const from = Date.parse(date);
    return { from, to: from + Number(searchParams.get('X-Amz-Expires')) * 1000 };
  };

  it('gives the same bytes within a multiple of it, and others in the next', async () => {
    let now = Date.UTC(2026, 10, 27, 12, 5, 0);
    const client = new R2Client(config, { now: () => now });
    const sign = (): Promise<string> =>
      client.getSignedUrl({ bucket: 'media', key: 'k', expiresIn: 3600, roundExpiry: 300 });
    const first = await sign();
    now += 299_999;
    expect(await sign()).toBe(first);
    // Another client, as another request has it.
    expect(
      await new R2Client({ ...config }, { now: () => now }).getSignedUrl({
        bucket: 'media',
        key: 'k',
        expiresIn: 3600,
        roundExpiry: 300,
      }),
    ).toBe(first);
    now += 1;
    expect(await sign()).not.toBe(first);
  });

  it('never shortens the life that was asked for, nor adds more than itself', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 4_102_444_800_000 }),
        fc.integer({ min: 1, max: WEEK_SECONDS / 2 }),
        fc.integer({ min: 1, max: WEEK_SECONDS / 2 }),
        async (now, expiresIn, roundExpiry) => {
          const client = new R2Client(config, { now: () => now });
          const { from, to } = lifeOf(await client.getSignedUrl({ bucket: 'media', key: 'k', expiresIn, roundExpiry }));
          const asked = Math.floor(now / 1000) * 1000;
          expect(from).toBeLessThanOrEqual(asked);
          expect(to - asked).toBeGreaterThan(expiresIn * 1000);
          expect(to - asked).toBeLessThanOrEqual((expiresIn + roundExpiry) * 1000);
          expect(to - from).toBeLessThanOrEqual(WEEK_SECONDS * 1000);
        },
      ),
    );
  });

  it('is taken by the server', async () => {
    expect(
      await statusOf(await r2.getSignedUrl({ bucket: BUCKET, key: 'two.txt', expiresIn: 60, roundExpiry: 3600 })),
    ).toBe(200);
  });
});

describe('the presigner', () => {
  const { presigner } = internalsOf(new R2Client(config, { now: () => 0 }));
  const request = { method: 'GET', bucket: 'media', key: 'k', expiresIn: 60 } as const;

  it.each([
    ['INVALID_KEY', { key: 'a/../b' }],
    ['INVALID_KEY', { key: '' }],
    ['INVALID_OPTION', { bucket: '..' }],
    ['INVALID_OPTION', { expiresIn: 0 }],
    ['INVALID_OPTION', { query: { 'X-Amz-Expires': '9' } }],
    ['INVALID_OPTION', { query: { Answer: '9' } }],
    ['INVALID_OPTION', { headers: { host: 'other' } }],
    ['INVALID_OPTION', { headers: { 'a b': 'c' } }],
    ['INVALID_OPTION', { headers: { a: 'b', A: 'c' } }],
    ['INVALID_OPTION', { headers: { a: 'b\nc' } }],
  ])('refuses with %s what is not to be signed: %j', (code, change) => {
    expect(() => presigner.presign({ ...request, ...change })).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('signs a bucket where there is no key', () => {
    const url = presigner.presign({ ...request, key: undefined, query: { 'list-type': '2' } });
    expect(url).toMatch(/^https:\/\/a1b2c3\.r2\.cloudflarestorage\.com\/media\?.*&list-type=2$/);
  });

  it('signs a listing of a bucket that the server takes', async () => {
    const real = internalsOf(r2).presigner;
    const query = { 'list-type': '2', prefix: 'a b/', 'encoding-type': 'url' };
    const url = real.presign({ method: 'GET', bucket: BUCKET, query, expiresIn: 60 });
    expect(await (await fetch(url)).text()).toContain('<KeyCount>1</KeyCount>');
  });

  it('signs as before after the days have changed to and fro', () => {
    let now = Date.UTC(2026, 0, 1);
    const clocked = internalsOf(new R2Client({ ...config }, { now: () => now })).presigner;
    const days = [0, 1, 2, 0, 1, 5, 0].map((day) => {
      now = Date.UTC(2026, 0, 1 + day);
      return clocked.presign(request);
    });
    expect([days[3], days[4], days[6]]).toEqual([days[0], days[1], days[0]]);
    expect(new Set(days).size).toBe(4);
  });
});
