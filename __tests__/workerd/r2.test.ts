import type { Miniflare } from 'miniflare';
import { startS3Server, type S3Server } from '../support/s3-server.js';
import { startWorker } from '../support/worker.js';

const MIB = 1024 * 1024;

let server: S3Server;

beforeAll(async () => {
  server = await startS3Server({ buckets: ['worker-media'] });
});

afterAll(() => server.stop());

describe.each([
  ['2026-07-30', false],
  ['2023-05-18', true],
])('R2Client in a Worker of %s (minified: %s)', (compatibilityDate, minify) => {
  let url: URL;
  let miniflare: Miniflare;

  beforeAll(async () => {
    const { accountId, accessKeyId, secretAccessKey, endpoint } = server.config;
    ({ url, miniflare } = await startWorker('r2-worker.ts', {
      minify,
      compatibilityDate,
      bindings: {
        R2_ENDPOINT: endpoint,
        R2_ACCOUNT_ID: accountId,
        R2_ACCESS_KEY_ID: accessKeyId,
        R2_SECRET_ACCESS_KEY: secretAccessKey,
      },
    }));
  });

  afterAll(() => miniflare.dispose());

  async function run(path: string): Promise<unknown> {
    const response = await fetch(new URL(path, url));
    const answer: unknown = await response.json();
    return response.ok ? answer : Promise.reject(new Error(JSON.stringify(answer)));
  }

  it('serves requests that overlap from its first one on', async () => {
    const ids = Array.from({ length: 30 }, (_, index) => index);
    const answers = await Promise.all(ids.map((id) => run(`/one?id=${id}`)));
    expect(answers).toEqual(ids.map((id) => `one/${id}`));
  });

  it('stores and reads every kind of body', async () => {
    const stored = [5, 'hello', 5, 'text/plain; charset=utf-8'];
    expect(await run('/bodies')).toEqual({
      string: stored,
      bytes: stored,
      buffer: stored,
      blob: stored,
      known: stored,
      unknown: stored,
    });
  });

  it('stores streams of more than one part, of known and of unknown length', async () => {
    const size = 20 * MIB + 7;
    expect(await run('/large')).toEqual({ undefined: [size, true], [String(size)]: [size, true] });
  });

  it('sends large bytes and Blobs again after a cut connection', async () => {
    const stored = [9 * MIB + 7, true];
    expect(await run('/largeAgain')).toEqual({ bytes: stored, blob: stored });
  });

  it('stores nothing of a stream that has another length than it said', async () => {
    expect(await run('/wrongLength')).toEqual(['INVALID_VALUE', null, 'INVALID_VALUE', null]);
  });

  it('tells a missing object from a missing bucket', async () => {
    expect(await run('/misses')).toEqual({
      download: null,
      head: null,
      copy: ['R2_NO_SUCH_KEY', 'R2 copy from worker-media/missing of worker-media/k failed: NoSuchKey, HTTP 404.'],
      bucket: ['R2_NO_SUCH_BUCKET', 'R2 download of no-such-bucket/k failed: NoSuchBucket, HTTP 404.'],
    });
  });

  it('lists and deletes over several pages', async () => {
    expect(await run('/pages')).toEqual({
      same: true,
      limited: 1_001,
      deleted: { deleted: 1_050, failed: [], matched: 1_050, dryRun: false },
      left: 0,
    });
  });

  it('copies, signs and deletes objects with odd keys', async () => {
    expect(await run('/objects')).toEqual({
      head: expect.objectContaining({ size: 3, metadata: { title: 'Größe' } }) as unknown,
      signed: [200, 'odd'],
      tampered: 403,
      gone: null,
    });
  });

  it('passes a body on as a response', async () => {
    await run('/bodies');
    expect(await (await fetch(new URL('/proxy?key=bodies/blob.txt', url))).text()).toBe('hello');
    expect((await fetch(new URL('/proxy?key=missing', url))).status).toBe(404);
  });
});
