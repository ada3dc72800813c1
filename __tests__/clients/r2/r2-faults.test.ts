import { createHash } from 'node:crypto';
import type { ClientEvent } from '../../../src/events.js';
import { R2Client, type R2ClientOptions } from '../../../src/clients/r2/r2-client.js';
import { cutConnection, failure, silence, startFaultServer, status, type FaultServer } from './fault-server.js';

const SECRET = 'a-very-secret-key';
const MIB = 1024 * 1024;
const object = { bucket: 'media', key: 'a/b.txt' };

let server: FaultServer;

beforeAll(async () => {
  server = await startFaultServer();
});

afterAll(() => server.stop());

function client(options: R2ClientOptions = {}): R2Client {
  const config = {
    accountId: 'acc',
    accessKeyId: 'AKID',
    secretAccessKey: SECRET,
    endpoint: `${server.endpoint}/base`,
  };
  return new R2Client(config, { wait: () => Promise.resolve(), ...options });
}

async function rejection(work: Promise<unknown>): Promise<Error & { code: string }> {
  return work.then(
    () => Promise.reject(new Error('It did not fail.')),
    (error: unknown) => error as Error & { code: string },
  );
}

describe('every request', () => {
  it('carries its length, asks for no compression and no 100, and no checksum that R2 does not take', async () => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    server.answer(status(200));
    await client().uploadFile({ ...object, body: 'hello' });
    const body = new Blob([new Uint8Array(9 * MIB)]).stream();
    await client().uploadFile({ ...object, body, contentLength: 9 * MIB });
    expect(
      server.seen.map(({ method, headers }) => [method, headers['content-length'], headers['transfer-encoding']]),
    ).toEqual([
      ['PUT', '5', undefined],
      ['PUT', String(9 * MIB), undefined],
    ]);
    for (const { headers } of server.seen) {
      expect(headers['accept-encoding']).toBe('identity');
      expect(headers.expect).toBeUndefined();
      expect(Object.keys(headers).filter((name) => name.includes('checksum'))).toEqual([]);
    }
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  it('stays below the path of the endpoint', async () => {
    server.answer(status(200));
    await client().uploadFile({ ...object, body: 'x' });
    expect(server.seen[0]?.url).toBe('/base/media/a/b.txt?x-id=PutObject');
  });

  it('follows no redirect', async () => {
    server.answer(status(307, '', { location: 'http://127.0.0.1:1/' }));
    expect((await rejection(client().headFile(object))).code).toBe('R2_FAILED');
    expect(server.seen).toHaveLength(1);
  });
});

describe('retries', () => {
  it.each([
    ['500', failure(500, 'InternalError')],
    ['503', failure(503, 'SlowDown')],
    ['429', failure(429, 'TooManyRequests')],
    ['502 with a page of HTML', status(502, '<html><br>', { 'content-type': 'text/html' })],
    ['a cut connection', cutConnection],
  ])('send an upload again after %s', async (_name, fault) => {
    server.answer(fault, fault, status(200, '', { etag: 'W/"abc"' }));
    expect(await client().uploadFile({ ...object, body: 'hello' })).toMatchObject({ etag: 'abc' });
    expect(server.seen.map(({ body }) => body.toString())).toEqual(['hello', 'hello', 'hello']);
  });

  it('read a truncated listing again', async () => {
    const listing =
      '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key></Contents></ListBucketResult>';
    server.answer(
      (response) => {
        response.writeHead(200, { 'content-length': '500' }).write(listing);
        setImmediate(() => response.destroy());
      },
      status(200, listing),
    );
    expect(await client().listFiles({ bucket: 'media' })).toHaveLength(1);
  });

  it('end after maxAttempts', async () => {
    server.answer(failure(503, 'SlowDown'));
    const error = await rejection(client({ maxAttempts: 2 }).headFile(object));
    expect(error.code).toBe('R2_FAILED');
    expect(server.seen).toHaveLength(2);
  });
});

describe('errors', () => {
  it.each([
    [403, 'AccessDenied', 'R2_ACCESS_DENIED'],
    [403, 'SignatureDoesNotMatch', 'R2_ACCESS_DENIED'],
    [401, 'Unauthorized', 'R2_ACCESS_DENIED'],
    [403, 'ExpiredRequest', 'R2_ACCESS_DENIED'],
    [404, 'NoSuchBucket', 'R2_NO_SUCH_BUCKET'],
    [412, 'PreconditionFailed', 'R2_PRECONDITION_FAILED'],
    [429, 'TooManyRequests', 'R2_RATE_LIMITED'],
    [503, 'SlowDown', 'R2_RATE_LIMITED'],
    [501, 'NotImplemented', 'R2_NOT_SUPPORTED'],
    [500, 'InternalError', 'R2_FAILED'],
    [400, 'InvalidRegionName', 'R2_FAILED'],
  ])('say %d %s as %s, with operation, object and cause, and no secret', async (code, name, expected) => {
    server.answer(failure(code, name));
    const error = await rejection(client({ maxAttempts: 1 }).downloadFile(object));
    expect(error.code).toBe(expected);
    expect(error.message).toBe(`R2 download of media/a/b.txt failed: ${name}, HTTP ${code}.`);
    expect(error.cause).toMatchObject({ name });
    expect(JSON.stringify([error.message, error.stack, error.cause])).not.toMatch(
      /a-very-secret-key|Signature=|X-Amz-/,
    );
  });

  it.each([
    ['an HTML page', status(403, '<html><br>', { 'content-type': 'text/html' }), 'R2_ACCESS_DENIED'],
    ['no body', status(403), 'R2_ACCESS_DENIED'],
    ['a cut connection', cutConnection, 'R2_FAILED'],
  ])('have a code when the answer is %s', async (_name, answer, code) => {
    server.answer(answer);
    expect((await rejection(client({ maxAttempts: 1 }).downloadFile(object))).code).toBe(code);
  });

  it('time out when no answer comes', async () => {
    server.answer(silence);
    const error = await rejection(client({ maxAttempts: 1, timeoutMs: 50 }).headFile(object));
    expect(error.code).toBe('R2_TIMEOUT');
  });
});

describe('a download', () => {
  it('fails when its body is cut short', async () => {
    server.answer((response) => {
      response.writeHead(200, { 'content-length': '10' }).write('12345');
      setImmediate(() => response.destroy());
    });
    const file = await client().downloadFile(object);
    const error = await rejection(file!.text());
    expect(error.code).toBe('R2_FAILED');
    expect(error.message).toContain('5 of 10 bytes');
  });

  it('fails when its body stops', async () => {
    server.answer((response) => void response.writeHead(200, { 'content-length': '10' }).write('12345'));
    const file = await client({ timeoutMs: 50 }).downloadFile(object);
    expect((await rejection(file!.text())).code).toBe('R2_TIMEOUT');
  });

  it('knows no size when the server does not tell', async () => {
    server.answer((response) => {
      response.writeHead(200, { etag: 'W/"weak"' }).write('12');
      response.end('345');
    });
    const file = await client().downloadFile(object);
    expect(file).toMatchObject({ size: null, etag: 'weak' });
    expect(await file!.text()).toBe('12345');
  });
});

describe('an upload in parts', () => {
  const created = status(200, '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>');
  const stream = (): ReadableStream => new Blob([new Uint8Array(20 * MIB)]).stream();
  const upload = async (events?: ClientEvent[]): Promise<Error & { code: string }> => {
    const sink = { emit: (event: ClientEvent) => void events?.push(event) };
    return rejection(client({ maxAttempts: 1, events: sink }).uploadFile({ ...object, body: stream() }));
  };

  it('is aborted when a part fails, after the parts on their way', async () => {
    server.answer(created, status(200), failure(403, 'AccessDenied'), status(204));
    expect((await upload()).code).toBe('R2_ACCESS_DENIED');
    expect(server.seen.at(-1)).toMatchObject({
      method: 'DELETE',
      url: '/base/media/a/b.txt?x-id=AbortMultipartUpload&uploadId=u1',
    });
    expect(server.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it('is aborted when it cannot be completed', async () => {
    server.answer(created, status(200), status(200), status(200), failure(400, 'InvalidPart'), status(204));
    expect((await upload()).message).toContain('InvalidPart');
    expect(server.seen.at(-1)?.method).toBe('DELETE');
  });

  it('fails with its own error when the abort fails too, which is reported', async () => {
    const events: ClientEvent[] = [];
    server.answer(created, failure(403, 'AccessDenied'), failure(500, 'InternalError'));
    expect((await upload(events)).code).toBe('R2_ACCESS_DENIED');
    expect(events).toMatchObject([{ type: 'client.error', source: 'r2', keyPrefix: 'media/', code: 'R2_FAILED' }]);
  });

  it('sends a part again that failed for the moment', async () => {
    const complete = status(200, '<CompleteMultipartUploadResult><ETag>"e-3"</ETag></CompleteMultipartUploadResult>');
    server.answer(created, failure(503, 'SlowDown'), status(200), status(200), status(200), complete);
    const result = await client().uploadFile({ ...object, body: stream() });
    expect(result).toEqual({ key: object.key, etag: 'e-3', size: 20 * MIB });
  });
});

describe('a bulk deletion', () => {
  const errors = (...entries: readonly (readonly [string, string])[]): string =>
    `<DeleteResult>${entries.map(([key, code]) => `<Error><Key>${key}</Key><Code>${code}</Code><Message>m</Message></Error>`).join('')}</DeleteResult>`;

  it('carries Content-MD5 of its body, and no CRC32', async () => {
    server.answer(status(200, '<DeleteResult/>'));
    await client().deleteFiles({ bucket: 'media', keys: ['é', 'b'] });
    const { headers, body } = server.seen[0]!;
    expect(headers['content-md5']).toBe(createHash('md5').update(body).digest('base64'));
    expect(Object.keys(headers).filter((name) => name.includes('checksum'))).toEqual([]);
  });

  it('tries again the keys that failed for the moment, and reports the others', async () => {
    const waits: number[] = [];
    server.answer(
      status(200, errors(['a', 'InternalError'], ['b', 'AccessDenied'], ['c', 'SlowDown'])),
      status(200, '<DeleteResult/>'),
    );
    const wait = (milliseconds: number): Promise<void> => Promise.resolve(void waits.push(milliseconds));
    const result = await client({ wait }).deleteFiles({ bucket: 'media', keys: ['a', 'b', 'c', 'd'] });
    expect(result).toEqual({ deleted: 3, failed: [{ key: 'b', code: 'AccessDenied', message: 'm' }] });
    expect(waits).toEqual([200]);
    expect(server.seen[1]?.body.toString()).toMatch(/<Key>a<\/Key>.*<Key>c<\/Key>/);
    expect(server.seen[1]?.body.toString()).not.toContain('<Key>b</Key>');
  });

  it('reports the keys that fail every time', async () => {
    server.answer(status(200, errors(['a', 'InternalError'])));
    const result = await client().deleteFiles({ bucket: 'media', keys: ['a', 'b'] });
    expect(result).toEqual({ deleted: 1, failed: [{ key: 'a', code: 'InternalError', message: 'm' }] });
    expect(server.seen).toHaveLength(3);
  });

  it('names at most 1,000 keys a request', async () => {
    server.answer(status(200, '<DeleteResult/>'));
    const keys = Array.from({ length: 2_001 }, (_, index) => `k${index}`);
    expect(await client().deleteFiles({ bucket: 'media', keys })).toEqual({ deleted: 2_001, failed: [] });
    expect(server.seen.map(({ body }) => body.toString().split('<Key>').length - 1)).toEqual([1000, 1000, 1]);
  });

  it('says how many were deleted before a request failed', async () => {
    server.answer(status(200, '<DeleteResult/>'), failure(403, 'AccessDenied'));
    const keys = Array.from({ length: 1_001 }, (_, index) => `k${index}`);
    const error = await rejection(client().deleteFiles({ bucket: 'media', keys }));
    expect(error.message).toBe('R2 delete (after 1000 were deleted) of media failed: AccessDenied, HTTP 403.');
  });

  it('sends nothing for no keys', async () => {
    server.answer(status(500));
    expect(await client().deleteFiles({ bucket: 'media', keys: [] })).toEqual({ deleted: 0, failed: [] });
    expect(server.seen).toHaveLength(0);
  });
});

describe('a listing', () => {
  const page = (keys: readonly string[], token?: string): string =>
    `<ListBucketResult><IsTruncated>${token !== undefined}</IsTruncated>${token === undefined ? '' : `<NextContinuationToken>${token}</NextContinuationToken>`}${keys.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join('')}</ListBucketResult>`;

  it('follows the token and not the count, also over an empty page', async () => {
    server.answer(status(200, page(['a'], 't1')), status(200, page([], 't2')), status(200, page(['b'])));
    expect((await client().listFiles({ bucket: 'media' })).map(({ key }) => key)).toEqual(['a', 'b']);
    expect(new URL(server.seen[2]!.url, server.endpoint).searchParams.get('continuation-token')).toBe('t2');
  });

  it('asks for the next page only when the iteration comes to it', async () => {
    server.answer(status(200, page(['a'], 't1')), status(200, page(['b'])));
    for await (const { key } of client().iterateFiles({ bucket: 'media' })) {
      expect(key).toBe('a');
      break;
    }
    expect(server.seen).toHaveLength(1);
  });

  it.each([
    ['repeats a page', [page(['a'], 't1'), page(['a'], 't1')]],
    ['breaks off', ['<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>']],
  ])('ends with an error when the server %s', async (_name, pages) => {
    server.answer(...pages.map((body) => status(200, body)));
    expect((await rejection(client().listFiles({ bucket: 'media' }))).code).toBe('R2_FAILED');
  });
});
