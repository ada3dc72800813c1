import type { Miniflare } from 'miniflare';
import { R2Client } from '../../src/clients/r2/r2-client.js';
import type { R2ClientConfig } from '../../src/clients/r2/r2-config.js';
import { startS3Server, type S3Server } from '../support/s3-server.js';
import { startWorker } from '../support/worker.js';
import { signAll, type SigningOrder } from './fixtures/signing-worker.js';

const BUCKET = 'worker-signing';
const KEYS = ['film.mp4', "odd/é b+c%2F!'()*~.txt", '漢🎬/a//b/', 'k'.repeat(1024)];

/** The part of what `signAll` answers with that is sent to the server. */
interface Signed {
  readonly one: readonly string[];
  readonly many: readonly string[];
  readonly upload: { readonly url: string; readonly headers: Record<string, string> };
}

let server: S3Server;

beforeAll(async () => {
  server = await startS3Server({ buckets: [BUCKET] });
});

afterAll(() => server.stop());

describe.each(['2026-07-30', '2023-05-18'])('signing in a Worker of %s', (compatibilityDate) => {
  let url: URL;
  let miniflare: Miniflare;

  beforeAll(async () => {
    ({ url, miniflare } = await startWorker('signing-worker.ts', { compatibilityDate, minify: true }));
  });

  afterAll(() => miniflare.dispose());

  const order = (config: R2ClientConfig, now = Date.now()): SigningOrder => ({
    config,
    now,
    bucket: BUCKET,
    keys: KEYS,
  });

  const inWorker = async (asked: SigningOrder): Promise<unknown> =>
    (await fetch(url, { method: 'POST', body: JSON.stringify(asked) })).json();

  it('makes the same bytes as Node', async () => {
    const account = { accountId: 'a1b2c3', accessKeyId: 'AKID', secretAccessKey: 's/e+c=' };
    for (const asked of [
      order(account, 0),
      order(account, Date.UTC(2026, 10, 27, 23, 59, 59, 999)),
      order(server.config),
    ]) {
      expect(await inWorker(asked)).toEqual(await signAll(asked));
    }
  });

  it('makes URLs that the server takes', async () => {
    const r2 = new R2Client(server.config);
    for (const key of KEYS) await r2.uploadFile({ bucket: BUCKET, key, body: key });
    const signed = (await inWorker(order(server.config))) as Signed;
    for (const urls of [signed.one, signed.many]) {
      expect(await Promise.all(urls.map(async (each) => (await fetch(each)).text()))).toEqual(KEYS);
    }
    const { upload } = signed;
    expect((await fetch(upload.url, { method: 'PUT', headers: upload.headers, body: 'four' })).status).toBe(403);
    expect((await fetch(upload.url, { method: 'PUT', headers: upload.headers, body: 'six' })).status).toBe(200);
  });
});
