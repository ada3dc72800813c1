import { createHash, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { replicate } from '../../../../src/clients/r2/replicate/replicate.js';
import { BUCKET, startSide, type Side } from './two-servers.js';

const OBJECTS = new Map([
  ['large.json', gzipSync(randomBytes(2 * 1024 * 1024))],
  ['small.svg', gzipSync('<svg/>'.repeat(100))],
]);

let source: Server;
let target: Side;

/** Answers as R2 does: with the encoding of the object, unless the request overrides it. The S3 server of the tests names none. */
beforeAll(async () => {
  target = await startSide();
  source = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://source');
    const bytes = OBJECTS.get(pathname.split('/')[2] ?? '');
    if (bytes === undefined) {
      const contents = [...OBJECTS].map(
        ([key, { byteLength }]) =>
          `<Contents><Key>${key}</Key><ETag>${etagOf(key)}</ETag><Size>${byteLength}</Size></Contents>`,
      );
      response.end(`<ListBucketResult><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`);
      return;
    }
    const encoding = searchParams.get('response-content-encoding') ?? 'gzip';
    response.writeHead(200, {
      etag: `"${etagOf(pathname.split('/')[2] ?? '')}"`,
      'content-encoding': encoding,
      'content-length': bytes.byteLength,
    });
    response.end(bytes);
  });
  await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  source.closeAllConnections();
  source.close();
  return target.front.stop();
});

function etagOf(key: string): string {
  return createHash('md5')
    .update(OBJECTS.get(key) ?? '')
    .digest('hex');
}

describe('replicate of objects with a content encoding, to another account', () => {
  it('copies them as they are stored, small and large', async () => {
    const { port } = source.address() as AddressInfo;
    const endpoint = `http://127.0.0.1:${port}`;
    const client = new R2Client({ accountId: 'a', accessKeyId: 'b', secretAccessKey: 'a-secret', endpoint });
    const report = await replicate({
      from: { client, bucket: BUCKET },
      to: { client: target.client, bucket: BUCKET },
      verify: true,
    });
    expect(report.failures).toEqual([]);
    expect(report).toMatchObject({ complete: true, copied: { objects: 2 } });
    expect((await target.list()).map(({ key, etag }) => [key, etag])).toEqual(
      [...OBJECTS.keys()].map((key) => [key, etagOf(key)]),
    );
    expect(await target.head('small.svg')).toMatchObject({ contentEncoding: 'gzip' });
  });
});
