import { createHash } from 'node:crypto';
import type { Browser, Page } from 'playwright-core';
import { checkCors, corsRules, R2Client, temporaryCredentials } from '../../src/index.js';
import { putCorsRules } from '../support/bucket-cors.js';
import { startS3Front, type FrontRequest, type S3Front } from '../support/s3-front.js';
import { startUploadApp, type UploadApp } from './uploads/app.js';
import { describeInChromium, launchChromium } from './support/chromium.js';

const MIB = 1024 * 1024;
const LARGE = 12 * MIB + 17;
const bucket = 'browser-media';

interface Outcome {
  readonly successful: number;
  readonly errors: readonly string[];
  readonly keys: readonly string[];
}

interface Upload {
  readonly mode: string;
  readonly size: number;
  readonly name?: string;
  readonly type?: string;
  readonly stolenKey?: string;
  readonly onePut?: boolean;
  readonly s3Endpoint?: string;
  readonly prefix?: string;
}

let front: S3Front;
let r2: R2Client;
let app: UploadApp;
let browser: Browser;
let page: Page;

describeInChromium('uploads from Chromium', () => {
  beforeAll(async () => {
    front = await startS3Front({ buckets: [bucket] });
    r2 = new R2Client(front.config);
    app = await startUploadApp({
      r2,
      bucket,
      maxSizeBytes: 16 * MIB,
      allowedTypes: ['video/*', 'text/plain'],
      credentials: uppyCredentials,
    });
    browser = await launchChromium();
  }, 60_000);

  afterAll(async () => {
    await browser.close();
    await app.stop();
    await front.stop();
  });

  beforeEach(async () => {
    front.reset();
    const context = await browser.newContext();
    await context.addCookies([{ name: 'user', value: 'u1', url: app.origin }]);
    page = await context.newPage();
  });

  afterEach(async () => {
    await page.context().close();
    await r2.deletePrefix({ bucket, prefix: 'u1/' });
  });

  describe.each([
    [4, ['callbacks', 'companion']],
    [5, ['callbacks', 'companion']],
    [6, ['signRequest']],
  ] as const)('by Uppy %s', (version, modes) => {
    beforeEach(async () => {
      await putCorsRules(front, bucket, corsRules({ origins: [app.origin], uppy: version }));
      expect(await checkCors(r2, { bucket, origin: app.origin, uppy: version })).toEqual({ ok: true, problems: [] });
      front.reset();
      await page.goto(`${app.origin}/?uppy=${version}`);
    });

    describe.each(modes)('with %s', (mode) => {
      it('stores a small file with one PUT', async () => {
        await expectStored(await upload({ mode, size: 1000, name: 'Größe.txt', type: 'text/plain' }), {
          size: 1000,
          contentType: 'text/plain',
          key: /^u1\/originals\/[0-9a-f-]{36}-Größe\.txt$/,
        });
        expect([front.count('PutObject'), front.count('UploadPart')]).toEqual([1, 0]);
      });

      it('stores a large file in parts', async () => {
        await expectStored(await upload({ mode, size: LARGE }), {
          size: LARGE,
          contentType: 'video/mp4',
          key: /^u1\/originals\/[0-9a-f-]{36}-film\.mp4$/,
        });
        expect([front.count('PutObject'), front.count('UploadPart')]).toEqual([0, 3]);
      });

      it('goes on after a pause with the parts that are there', async () => {
        const release = hold(isPart(2));
        await start({ mode, size: LARGE });
        await until(() => front.pending(bucket)[0]?.parts.has(1) === true && front.seen.some(isPart(2)));
        await page.evaluate('uppy.pauseAll()');
        release();
        await page.evaluate('uppy.resumeAll()');
        await expectStored(await outcome(), { size: LARGE, contentType: 'video/mp4' });
        expect(front.count('ListParts')).toBeGreaterThan(0);
        expect(front.seen.filter(isPart(1)).length).toBe(1);
      });

      it('leaves no parts when it is cancelled', async () => {
        const release = hold(isPart(2));
        await start({ mode, size: LARGE });
        await until(() => front.pending(bucket)[0]?.parts.has(1) === true && front.seen.some(isPart(2)));
        await page.evaluate('uppy.cancelAll()');
        await until(() => front.count('AbortMultipartUpload') > 0);
        release();
        await until(() => front.pending(bucket).length === 0);
        expect(await r2.listFiles({ bucket })).toEqual([]);
      });

      it('is refused for a file that is too large, in one PUT and in parts', async () => {
        for (const onePut of [true, false]) {
          const { successful, errors } = await upload({ mode, size: 17 * MIB, onePut });
          expect([successful, errors.join()]).toEqual([0, expect.stringMatching(/more than the 16777216/)]);
        }
        expect(await r2.listFiles({ bucket })).toEqual([]);
        expect(front.pending(bucket)).toEqual([]);
      });

      it('is refused for a file of another type', async () => {
        const { successful, errors } = await upload({ mode, size: 10, name: 'a.html', type: 'text/html' });
        expect([successful, errors.join()]).toEqual([0, expect.stringMatching(/type text\/html are not allowed/)]);
        expect(front.count('PutObject')).toBe(0);
      });
    });
  });

  describe('by Uppy 6', () => {
    const s3Endpoint = (): string => `${front.endpoint}/${bucket}`;

    beforeEach(async () => {
      await putCorsRules(front, bucket, corsRules({ origins: [app.origin], uppy: 6 }));
      await page.goto(`${app.origin}/?uppy=6`);
    });

    it.each([
      ['one PUT', 1000],
      ['parts', LARGE],
    ])('with temporary credentials store a file in %s', async (_name, size) => {
      const asked = { mode: 'getCredentials', size, s3Endpoint: s3Endpoint(), prefix: 'u1/originals/' };
      const key = /^u1\/originals\/film\.mp4$/;
      await expectStored(await upload(asked), { size, contentType: 'video/mp4', key });
      const sent = front.seen.filter(({ headers, operation }) => headers['origin'] && operation !== 'Preflight');
      expect(sent.every(({ params }) => params.has('X-Amz-Security-Token'))).toBe(true);
    });

    it('with temporary credentials store nothing elsewhere', async () => {
      const asked = { mode: 'getCredentials', size: 1000, s3Endpoint: s3Endpoint(), prefix: 'u2/originals/' };
      const { successful, errors } = await upload(asked);
      expect([successful, errors.join()]).toEqual([0, expect.stringContaining('AccessDenied')]);
      expect(await r2.listFiles({ bucket })).toEqual([]);
    });

    it('with the handler as Companion store a large file in parts, and no small one', async () => {
      await expectStored(await upload({ mode: 'companion6', size: LARGE }), { size: LARGE, contentType: 'video/mp4' });
      expect((await upload({ mode: 'companion6', size: 1000 })).successful).toBe(0);
    });
  });

  describe('of a page that asks for another user’s prefix', () => {
    it.each([
      [5, 'callbacks'],
      [6, 'signRequest'],
    ] as const)('are refused: Uppy %s', async (version, mode) => {
      await putCorsRules(front, bucket, corsRules({ origins: [app.origin], uppy: version }));
      await page.goto(`${app.origin}/?uppy=${version}`);
      const { successful, errors } = await upload({ mode, size: LARGE, stolenKey: 'u2/originals/stolen.mp4' });
      expect([successful, errors.join()]).toEqual([0, expect.stringMatching(/KEY_NOT_ALLOWED|not one of yours/)]);
      expect(front.count('UploadPart')).toBe(0);
      expect(await r2.listFiles({ bucket })).toEqual([]);
    });

    it('are refused without a user', async () => {
      await page.context().clearCookies();
      await page.goto(`${app.origin}/?uppy=5`);
      const { successful, errors } = await upload({ mode: 'companion', size: 10 });
      expect([successful, errors.join()]).toEqual([0, expect.stringMatching(/may not upload here/)]);
    });
  });

  describe('and the CORS of the bucket', () => {
    it('fail where checkCors says that the origin is missing', async () => {
      await putCorsRules(front, bucket, corsRules({ origins: ['https://other.example'], uppy: 5 }));
      const { problems } = await checkCors(r2, { bucket, origin: app.origin, uppy: 5 });
      expect(problems).toMatchObject([{ missing: 'origin', name: app.origin }]);
      await page.goto(`${app.origin}/?uppy=5`);
      expect((await upload({ mode: 'companion', size: 10 })).successful).toBe(0);
      expect(front.count('PutObject')).toBe(0);
    });

    it('fail where checkCors says that a header or a method is missing', async () => {
      const [rule] = corsRules({ origins: [app.origin], uppy: 5 });
      await putCorsRules(front, bucket, [{ ...rule, allowedHeaders: ['content-type'] }]);
      const { problems } = await checkCors(r2, { bucket, origin: app.origin, uppy: 6 });
      expect(problems.map(({ name }) => name)).toEqual(['POST', 'GET', 'DELETE', 'if-none-match']);
      await page.goto(`${app.origin}/?uppy=5`);
      expect((await upload({ mode: 'companion', size: 10 })).successful).toBe(0);
    });
  });
});

/** What Uppy 6 wants: to store below the prefix, and nothing else. */
async function uppyCredentials(prefix: string): Promise<unknown> {
  const { accessKeyId, secretAccessKey, sessionToken, expiresAt } = await temporaryCredentials(r2, {
    bucket,
    permission: 'object-read-write',
    actions: [
      'PutObject',
      'CreateMultipartUpload',
      'UploadPart',
      'ListParts',
      'CompleteMultipartUpload',
      'AbortMultipartUpload',
    ],
    prefixes: [prefix],
    ttlSeconds: 900,
  });
  const credentials = { accessKeyId, secretAccessKey, sessionToken, expiration: expiresAt.toISOString() };
  return { credentials, region: 'auto' };
}

async function start(asked: Upload): Promise<void> {
  await page.waitForFunction('document.title === "ready"');
  const file = { name: 'film.mp4', type: 'video/mp4', ...asked };
  await page.evaluate(`startUpload(${JSON.stringify(file)})`);
}

async function outcome(): Promise<Outcome> {
  await page.waitForFunction('window.outcome !== undefined');
  return page.evaluate('window.outcome');
}

async function upload(asked: Upload): Promise<Outcome> {
  await start(asked);
  return outcome();
}

async function expectStored(
  { successful, errors }: Outcome,
  expected: { readonly size: number; readonly contentType: string; readonly key?: RegExp },
): Promise<void> {
  expect([successful, errors]).toEqual([1, []]);
  const [file, ...others] = await r2.listFiles({ bucket });
  expect(others).toEqual([]);
  if (expected.key !== undefined) expect(file?.key).toMatch(expected.key);
  const download = await r2.downloadFile({ bucket, key: file?.key ?? '' });
  expect(download).toMatchObject({ size: expected.size, contentType: expected.contentType });
  expect(sha256(new Uint8Array(await download!.arrayBuffer()))).toBe(sha256(content(expected.size)));
  expect(front.pending(bucket)).toEqual([]);
}

function isPart(number: number): (request: FrontRequest) => boolean {
  return ({ operation, params }) => operation === 'UploadPart' && params.get('partNumber') === String(number);
}

/** Lets the next request that fits wait. */
function hold(when: (request: FrontRequest) => boolean): () => void {
  let release = (): void => undefined;
  front.fault(when, { until: new Promise<void>((resolve) => (release = resolve)) });
  return () => release();
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`Waited in vain: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function content(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8)) & 255);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
