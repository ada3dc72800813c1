import { createHash, createHmac } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCorsCommand,
  DeleteBucketLifecycleCommand,
  DeleteObjectsCommand,
  GetBucketCorsCommand,
  GetBucketLifecycleConfigurationCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutBucketCorsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { startS3Front, type S3Front } from '../../support/s3-front.js';

const MIB = 1024 * 1024;
const Bucket = 'front-media';
const KEY = "a b/ü+%!'()*.bin";
const ORIGIN = 'https://app.example:8443';

let front: S3Front;
let s3: S3Client;

beforeAll(async () => {
  front = await startS3Front({ buckets: [Bucket, 'front-other'], pageSize: 2 });
  s3 = client(front.credentials);
});

afterAll(() => front.stop());

beforeEach(() => front.reset());

function client(credentials: S3ClientConfig['credentials'] & object, options: S3ClientConfig = {}): S3Client {
  const made = new S3Client({
    endpoint: front.endpoint,
    region: 'auto',
    forcePathStyle: true,
    credentials,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    maxAttempts: 1,
    ...options,
  });
  // The SDK sends it for the settings of a bucket in every mode; R2 does not take it.
  made.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { headers: Record<string, string> };
      request.headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !/checksum/.test(name)));
      return next(args);
    },
    { step: 'build', priority: 'low' },
  );
  return made;
}

async function failure(sent: Promise<unknown>): Promise<[string, number | undefined]> {
  const error = await sent.then(
    () => ({ name: 'It went well.' }),
    (reason: unknown) => reason as { name: string; $metadata?: { httpStatusCode?: number } },
  );
  return [error.name, '$metadata' in error ? error.$metadata.httpStatusCode : undefined];
}

interface TokenOptions {
  readonly secret?: string;
  readonly header?: object;
  readonly claims?: Record<string, unknown>;
}

function temporary(paths: object | undefined, { secret, header, claims = {} }: TokenOptions = {}) {
  const { accessKeyId, secretAccessKey, accountId } = front.config;
  const seconds = Math.floor(Date.now() / 1000);
  const payload = {
    bucket: Bucket,
    scope: 'object-read-write',
    ...(paths !== undefined && { paths }),
    sub: accountId,
    iss: accessKeyId,
    aud: new URL(front.endpoint).host,
    iat: seconds,
    exp: seconds + 60,
    ...claims,
  };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = `${part(header ?? { alg: 'HS256', typ: 'JWT' })}.${part(payload)}`;
  const jwt = `${unsigned}.${createHmac('sha256', secret ?? secretAccessKey)
    .update(unsigned)
    .digest('base64url')}`;
  return {
    accessKeyId,
    secretAccessKey: createHash('sha256').update(jwt).digest('hex'),
    sessionToken: Buffer.from(`jwt/${jwt}`).toString('base64'),
  };
}

describe('what the front passes on', () => {
  it('keeps signatures valid, of headers and of URLs, for odd keys', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: KEY, Body: 'hello', Metadata: { a: 'b' } }));
    const read = await s3.send(new GetObjectCommand({ Bucket, Key: KEY, Range: 'bytes=1-3' }));
    expect(await read.Body?.transformToString()).toBe('ell');
    const url = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: KEY }), { expiresIn: 60 });
    expect(await (await fetch(url)).text()).toBe('hello');
    expect((await fetch(url.replace('%21', '%22'))).status).toBe(403);
    expect((await fetch(`${url}&versionId=1`)).status).toBe(403);
    expect(
      await failure(client({ ...front.credentials, secretAccessKey: 'x' }).send(new ListObjectsV2Command({ Bucket }))),
    ).toEqual(['SignatureDoesNotMatch', 403]);
    expect(front.count('PutObject')).toBe(1);
  });

  it('counts requests, and how many were under way at a time', async () => {
    await Promise.all([1, 2, 3].map((n) => s3.send(new PutObjectCommand({ Bucket, Key: `n/${n}`, Body: 'x' }))));
    expect(front.count('PutObject')).toBe(3);
    expect(front.peak('PutObject')).toBeGreaterThan(1);
    expect(front.seen.map(({ status, key }) => [status, key]).sort()).toEqual([
      [200, 'n/1'],
      [200, 'n/2'],
      [200, 'n/3'],
    ]);
  });
});

describe('uploads in parts', () => {
  it('are listed, with their parts, in pages', async () => {
    const begun = await Promise.all(
      ['p/1', 'p/2', 'p/3', 'q'].map((Key) => s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))),
    );
    const UploadId = begun[0]!.UploadId!;
    const tags: string[] = [];
    for (const PartNumber of [1, 2, 3]) {
      const Body = Buffer.alloc(PartNumber === 3 ? 7 : 5 * MIB, PartNumber);
      const part = await s3.send(new UploadPartCommand({ Bucket, Key: 'p/1', UploadId, PartNumber, Body }));
      tags.push(part.ETag!);
    }
    const first = await s3.send(new ListPartsCommand({ Bucket, Key: 'p/1', UploadId }));
    const second = await s3.send(
      new ListPartsCommand({ Bucket, Key: 'p/1', UploadId, PartNumberMarker: first.NextPartNumberMarker }),
    );
    expect([first.IsTruncated, second.IsTruncated]).toEqual([true, false]);
    expect([...first.Parts!, ...second.Parts!].map(({ PartNumber, Size, ETag }) => [PartNumber, Size, ETag])).toEqual([
      [1, 5 * MIB, tags[0]],
      [2, 5 * MIB, tags[1]],
      [3, 7, tags[2]],
    ]);

    const uploads = await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'p/' }));
    const rest = await s3.send(
      new ListMultipartUploadsCommand({
        Bucket,
        Prefix: 'p/',
        KeyMarker: uploads.NextKeyMarker,
        UploadIdMarker: uploads.NextUploadIdMarker,
      }),
    );
    expect([...uploads.Uploads!, ...rest.Uploads!].map(({ Key }) => Key)).toEqual(['p/1', 'p/2', 'p/3']);

    const Parts = tags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }));
    const done = { Bucket, Key: 'p/1', UploadId, MultipartUpload: { Parts } };
    await s3.send(new CompleteMultipartUploadCommand(done));
    for (const [index, Key] of ['p/2', 'p/3', 'q'].entries()) {
      const upload = { Bucket, Key, UploadId: begun[index + 1]!.UploadId };
      await s3.send(new AbortMultipartUploadCommand(upload));
    }
    expect(front.pending(Bucket)).toEqual([]);
    expect(await failure(s3.send(new ListPartsCommand({ Bucket, Key: 'p/1', UploadId })))).toEqual([
      'NoSuchUpload',
      404,
    ]);
  });

  it('are not listed for another key, and not without a signature', async () => {
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'mine' }));
    expect(await failure(s3.send(new ListPartsCommand({ Bucket, Key: 'other', UploadId })))).toEqual([
      'NoSuchUpload',
      404,
    ]);
    const url = await getSignedUrl(s3, new ListPartsCommand({ Bucket, Key: 'mine', UploadId }), { expiresIn: 60 });
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url.replace('/mine', '/mina'))).status).toBe(403);
    expect((await fetch(`${url}&max-parts=1`)).status).toBe(403);
    expect((await fetch(url.replace(/X-Amz-Expires=60/, 'X-Amz-Expires=600'))).status).toBe(403);
    expect((await fetch(`${front.endpoint}/${Bucket}?uploads`)).status).toBe(400);
    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'mine', UploadId }));
  });
});

describe('settings of a bucket', () => {
  async function put(setting: string, body: string, headers: Record<string, string> = {}): Promise<number> {
    const { signRequest } = await import('../../support/s3-front/sigv4.js');
    const url = new URL(`${front.endpoint}/${Bucket}?${setting}=`);
    const parts = { method: 'PUT', path: url.pathname, query: `${setting}=`, headers: { ...headers, host: url.host } };
    return (await fetch(url, { method: 'PUT', body, headers: signRequest(parts, front.credentials, Date.now()) }))
      .status;
  }

  it('begin with the default lifecycle rule of R2, and keep what they do not know', async () => {
    const read = () => s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    expect((await read()).Rules).toEqual([
      expect.objectContaining({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }),
    ]);
    const rule = '<Rule><ID>x</ID><Status>Enabled</Status><New a="1">y</New></Rule>';
    const xml = `<LifecycleConfiguration>${rule}</LifecycleConfiguration>`;
    expect(await put('lifecycle', xml)).toBe(200);
    const url = await getSignedUrl(s3, new GetBucketLifecycleConfigurationCommand({ Bucket }), { expiresIn: 60 });
    expect(await (await fetch(url)).text()).toBe(xml);
    await s3.send(new DeleteBucketLifecycleCommand({ Bucket }));
    expect(await failure(read())).toEqual(['NoSuchLifecycleConfiguration', 404]);
  });

  it('are refused as R2 refuses them', async () => {
    const rules = (count: number): string =>
      `<LifecycleConfiguration>${Array.from({ length: count }, (_, n) => `<Rule><ID>${n}</ID><Status>Enabled</Status></Rule>`).join('')}</LifecycleConfiguration>`;
    expect(await put('lifecycle', rules(1000))).toBe(200);
    expect(await put('lifecycle', rules(1001))).toBe(400);
    const tagged = '<Rule><Filter><Tag><Key>a</Key></Tag></Filter><Status>Enabled</Status></Rule>';
    expect(await put('lifecycle', `<LifecycleConfiguration>${tagged}</LifecycleConfiguration>`)).toBe(501);
    expect(await put('lifecycle', 'x')).toBe(400);
    expect(await put('lifecycle', rules(1), { 'x-amz-sdk-checksum-algorithm': 'CRC32' })).toBe(501);
    expect(await put('lifecycle', rules(1), { 'content-md5': 'AAAA' })).toBe(400);
    const cors = (origin: string, method: string): string =>
      `<CORSConfiguration><CORSRule><AllowedOrigin>${origin}</AllowedOrigin><AllowedMethod>${method}</AllowedMethod></CORSRule></CORSConfiguration>`;
    expect(await put('cors', cors(`${ORIGIN}/`, 'PUT'))).toBe(400);
    expect(await put('cors', cors(ORIGIN, 'PATCH'))).toBe(400);
  });
});

describe('CORS', () => {
  const url = (): string => `${front.endpoint}/${Bucket}/k`;
  const preflight = (origin: string, method: string, headers = ''): Promise<Response> =>
    fetch(url(), {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': method,
        ...(headers !== '' && { 'access-control-request-headers': headers }),
      },
    });

  beforeAll(async () => {
    const rule = {
      AllowedOrigins: [ORIGIN],
      AllowedMethods: ['PUT'],
      AllowedHeaders: ['Content-Type', '*'],
      ExposeHeaders: ['ETag'],
      MaxAgeSeconds: 60,
    };
    await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [rule] } }));
    expect((await s3.send(new GetBucketCorsCommand({ Bucket }))).CORSRules).toEqual([rule]);
  });

  afterAll(async () => {
    await s3.send(new DeleteBucketCorsCommand({ Bucket }));
    expect(await failure(s3.send(new GetBucketCorsCommand({ Bucket })))).toEqual(['NoSuchCORSConfiguration', 404]);
    expect((await preflight(ORIGIN, 'PUT')).status).toBe(403);
  });

  it('answers a preflight by the rules: the exact origin, the method, each header', async () => {
    const allowed = await preflight(ORIGIN, 'PUT', 'content-type');
    expect([allowed.status, Object.fromEntries(allowed.headers)]).toEqual([
      204,
      expect.objectContaining({
        'access-control-allow-origin': ORIGIN,
        'access-control-allow-methods': 'PUT',
        'access-control-allow-headers': 'content-type',
        'access-control-max-age': '60',
      }),
    ]);
    expect((await preflight(ORIGIN, 'GET')).status).toBe(403);
    expect((await preflight(ORIGIN, 'PUT', 'content-type,x-other')).status).toBe(403);
    expect((await preflight('https://app.example', 'PUT')).status).toBe(403);
    expect((await preflight(`${ORIGIN}.evil.example`, 'PUT')).status).toBe(403);
  });

  it('puts its headers on a real answer, and on no other', async () => {
    const signed = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'k' }), { expiresIn: 60 });
    const send = async (origin: string): Promise<unknown[]> => {
      const { headers, status } = await fetch(signed, { method: 'PUT', body: 'x', headers: { origin } });
      return [status, headers.get('access-control-allow-origin'), headers.get('access-control-expose-headers')];
    };
    expect(await send(ORIGIN)).toEqual([200, ORIGIN, 'ETag']);
    expect(await send('https://evil.example')).toEqual([200, null, null]);
  });
});

describe('temporary credentials', () => {
  const inside = { prefixPaths: ['u1/'], objectPaths: ['shared.json'] };

  it('do what they grant, inside their paths', async () => {
    const mine = client(temporary(inside));
    await mine.send(new PutObjectCommand({ Bucket, Key: 'u1/a', Body: 'mine' }));
    await mine.send(new PutObjectCommand({ Bucket, Key: 'shared.json', Body: '{}' }));
    await mine.send(new CopyObjectCommand({ Bucket, Key: 'u1/b', CopySource: `${Bucket}/u1/a` }));
    expect((await mine.send(new ListObjectsV2Command({ Bucket, Prefix: 'u1/' }))).KeyCount).toBe(2);
    const url = await getSignedUrl(mine, new GetObjectCommand({ Bucket, Key: 'u1/a' }), { expiresIn: 60 });
    expect(await (await fetch(url)).text()).toBe('mine');
    const Delete = { Objects: [{ Key: 'u1/a' }, { Key: 'u1/b' }] };
    expect((await mine.send(new DeleteObjectsCommand({ Bucket, Delete }))).Errors).toBeUndefined();
  });

  it('do nothing outside their paths', async () => {
    const mine = client(temporary(inside));
    const denied = ['AccessDenied', 403];
    expect(await failure(mine.send(new PutObjectCommand({ Bucket, Key: 'u2/a', Body: 'x' })))).toEqual(denied);
    expect(await failure(mine.send(new GetObjectCommand({ Bucket, Key: 'shared.json.bak' })))).toEqual(denied);
    expect(await failure(mine.send(new ListObjectsV2Command({ Bucket })))).toEqual(denied);
    expect(await failure(mine.send(new ListObjectsV2Command({ Bucket, Prefix: 'u' })))).toEqual(denied);
    const other = { Bucket: 'front-other', Key: 'u1/a' };
    expect(await failure(mine.send(new GetObjectCommand(other)))).toEqual(denied);
    const copy = { Bucket, Key: 'u1/b', CopySource: `${Bucket}/u2/a` };
    expect(await failure(mine.send(new CopyObjectCommand(copy)))).toEqual(denied);
    const Delete = { Objects: [{ Key: 'u1/a' }, { Key: 'u2/&amp;' }] };
    expect(await failure(mine.send(new DeleteObjectsCommand({ Bucket, Delete })))).toEqual(denied);
    expect(await failure(mine.send(new GetBucketCorsCommand({ Bucket })))).toEqual(denied);
    expect(await failure(mine.send(new ListMultipartUploadsCommand({ Bucket })))).toEqual(denied);
  });

  it('are held to scope and actions', async () => {
    const reader = client(temporary(inside, { claims: { scope: 'object-read-only' } }));
    const put = new PutObjectCommand({ Bucket, Key: 'u1/a', Body: 'x' });
    expect(await failure(reader.send(put))).toEqual(['AccessDenied', 403]);
    const header = client(temporary(inside, { claims: { actions: ['HeadObject'] } }));
    expect(await failure(header.send(new GetObjectCommand({ Bucket, Key: 'u1/a' })))).toEqual(['AccessDenied', 403]);
    expect(await failure(header.send(new HeadObjectCommand({ Bucket, Key: 'u1/zz' })))).toEqual(['NotFound', 404]);
  });

  it.each([
    ['of another secret', { secret: 'other' }, 400],
    ['of another algorithm', { header: { alg: 'none' } }, 400],
    ['for another host', { claims: { aud: 'x.example' } }, 400],
    ['for another account', { claims: { sub: 'b' } }, 400],
    ['of another key', { claims: { iss: 'b' } }, 400],
    ['that expired', { claims: { exp: 1 } }, 403],
    ['without operations', { claims: { scope: undefined } }, 400],
    ['of an unknown scope', { claims: { scope: 'all' } }, 400],
  ] satisfies [string, TokenOptions, number][])('are refused %s', async (_name, options, status) => {
    const sent = client(temporary(inside, options)).send(new HeadObjectCommand({ Bucket, Key: 'u1/a' }));
    expect((await failure(sent))[1]).toBe(status);
  });

  it('are refused with a signature by another secret, such as the parent’s', async () => {
    const { sessionToken } = temporary(inside);
    const sent = client({ ...front.credentials, sessionToken }).send(new GetObjectCommand({ Bucket, Key: 'u1/a' }));
    expect(await failure(sent)).toEqual(['SignatureDoesNotMatch', 403]);
  });
});

describe('faults', () => {
  it('cut what is sent: the server has nothing', async () => {
    front.fault(({ operation }) => operation === 'PutObject', { cut: 'request', afterBytes: MIB });
    const put = new PutObjectCommand({ Bucket, Key: 'cut', Body: Buffer.alloc(3 * MIB) });
    await expect(s3.send(put)).rejects.toThrow();
    expect(await failure(s3.send(new HeadObjectCommand({ Bucket, Key: 'cut' })))).toEqual(['NotFound', 404]);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'cut', Body: Buffer.alloc(3 * MIB) }));
  });

  it('cut the answer: before its head, and within its body', async () => {
    front.fault(({ operation }) => operation === 'PutObject', { cut: 'response' });
    await expect(s3.send(new PutObjectCommand({ Bucket, Key: 'lost', Body: 'x'.repeat(1000) }))).rejects.toThrow();
    front.fault(({ key }) => key === 'lost', { cut: 'response', afterBytes: 10 }, 1);
    const read = await s3.send(new GetObjectCommand({ Bucket, Key: 'lost' }));
    await expect(read.Body!.transformToString()).rejects.toThrow();
    const again = await s3.send(new GetObjectCommand({ Bucket, Key: 'lost' }));
    expect((await again.Body!.transformToString()).length).toBe(1000);
  });

  it('answer instead of the server, so often as was said, and later', async () => {
    front.fault(
      ({ method }) => method === 'HEAD',
      { status: 503, code: 'SlowDown', headers: { 'retry-after': '1' } },
      2,
    );
    const head = (): Promise<unknown> => s3.send(new HeadObjectCommand({ Bucket, Key: 'lost' }));
    expect((await failure(head()))[1]).toBe(503);
    expect((await failure(head()))[1]).toBe(503);
    let release = (): void => undefined;
    front.fault(({ method }) => method === 'HEAD', { until: new Promise<void>((resolve) => (release = resolve)) });
    const late = head();
    release();
    await late;
  });
});
