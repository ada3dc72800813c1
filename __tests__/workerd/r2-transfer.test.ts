import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { Miniflare } from 'miniflare';
import { R2Client } from '../../src/clients/r2/r2-client.js';
import { startS3Server, type S3Server } from '../support/s3-server.js';
import { startWorker } from '../support/worker.js';

const BUCKET = 'worker-transfer';
const SIZE = 11 * 1024 * 1024 + 3;

let server: S3Server;
let url: URL;
let miniflare: Miniflare;

beforeAll(async () => {
  server = await startS3Server({ buckets: [BUCKET] });
  await new R2Client(server.config).uploadFile({ bucket: BUCKET, key: 'ten.txt', body: '0123456789' });
  const { accountId, accessKeyId, secretAccessKey, endpoint } = server.config;
  ({ url, miniflare } = await startWorker('r2-transfer-worker.ts', {
    bindings: {
      R2_ENDPOINT: endpoint,
      R2_ACCOUNT_ID: accountId,
      R2_ACCESS_KEY_ID: accessKeyId,
      R2_SECRET_ACCESS_KEY: secretAccessKey,
    },
  }));
});

afterAll(async () => {
  await miniflare.dispose();
  await server.stop();
});

async function run(path: string): Promise<unknown> {
  const response = await fetch(new URL(path, url));
  const answer: unknown = await response.json();
  return response.ok ? answer : Promise.reject(new Error(JSON.stringify(answer)));
}

/** Not by `fetch`, which hides the length of an answer to a HEAD and adds headers of its own. */
function ask(
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<{ status: number | undefined; headers: IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(new URL(path, url).href, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }),
      );
      response.on('error', reject);
    });
    request.on('error', reject).end();
  });
}

describe('transfers of R2Client in a Worker', () => {
  it('go up in parts, several at a time, with progress', async () => {
    expect(await run('/parts')).toEqual([SIZE, true, true, SIZE, true]);
  });

  it('compare MD5s, of bytes and of streams', async () => {
    expect(await run('/verified')).toEqual([true, true, 'R2_CHECKSUM_MISMATCH']);
  });

  it('are resumed after a dropped connection, for the same version only', async () => {
    expect(await run('/resumed')).toBe(true);
    expect(await run('/changed')).toBe('R2_OBJECT_CHANGED');
  });

  it('end with the signal and leave nothing', async () => {
    expect(await run('/aborted')).toEqual(['R2_ABORTED', null]);
  });

  it('heed conditions', async () => {
    expect(await run('/conditions')).toEqual(['string', 'R2_PRECONDITION_FAILED', true]);
  });
});

describe.each(['/served/', '/response/'])('an answer of %s', (way) => {
  it('is the whole object with its length', async () => {
    const { status, headers, body } = await ask(`${way}ten.txt`);
    expect([status, headers['content-length'], headers['accept-ranges'], body]).toEqual([
      200,
      '10',
      'bytes',
      '0123456789',
    ]);
  });

  it('is a range, 304, 412 or 416', async () => {
    const part = await ask(`${way}ten.txt`, { range: 'bytes=2-5' });
    expect([part.status, part.headers['content-range'], part.headers['content-length'], part.body]).toEqual([
      206,
      'bytes 2-5/10',
      '4',
      '2345',
    ]);
    const { etag = '' } = part.headers;
    expect((await ask(`${way}ten.txt`, { 'if-none-match': etag })).status).toBe(304);
    expect((await ask(`${way}ten.txt`, { 'if-match': '"other"' })).status).toBe(412);
    const beyond = await ask(`${way}ten.txt`, { range: 'bytes=10-' });
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, 'bytes */10']);
  });

  it('has no body for a HEAD', async () => {
    const { status, headers, body } = await ask(`${way}ten.txt`, {}, 'HEAD');
    expect([status, headers['content-length'], headers['content-type'], body]).toEqual([
      200,
      '10',
      'text/plain; charset=utf-8',
      '',
    ]);
  });

  it('is 404 for what is not there', async () => {
    expect((await ask(`${way}missing`)).status).toBe(404);
  });
});
