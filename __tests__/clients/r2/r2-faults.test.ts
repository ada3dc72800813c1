import { createHash } from 'node:crypto';
import type { ClientEvent } from '../../../src/events.js';
import { R2Client } from '../../../src/clients/r2/r2-client.js';
import type { R2ClientOptions } from '../../../src/clients/r2/r2-config.js';
import {
  confirmDeletion,
  cutConnection,
  failure,
  silence,
  startFaultServer,
  status,
  type Answer,
  type FaultServer,
} from './fault-server.js';

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

  it.each([
    ['bytes', (bytes: Uint8Array<ArrayBuffer>) => bytes],
    ['a Blob', (bytes: Uint8Array<ArrayBuffer>) => new Blob([bytes])],
  ])('send %s of more than one part again, whole and with their length', async (_name, toBody) => {
    const bytes = new Uint8Array(9 * MIB + 1).map((_, index) => (index >> 8) % 251);
    server.answer(failure(503, 'SlowDown'), cutConnection, status(200, '', { etag: '"abc"' }));
    expect(await client().uploadFile({ ...object, body: toBody(bytes) })).toMatchObject({ size: 9 * MIB + 1 });
    expect(server.seen.map(({ headers }) => headers['content-length'])).toEqual(Array(3).fill(String(9 * MIB + 1)));
    expect(server.seen.map(({ body }) => Buffer.compare(body, bytes))).toEqual([0, 0, 0]);
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
  it('can be read once, and says so when it is read again or was cancelled', async () => {
    server.answer(status(200, 'content'));
    const file = await client().downloadFile(object);
    expect(await file!.text()).toBe('content');
    expect((await rejection(file!.text())).code).toBe('INVALID_VALUE');
    const cancelled = await client().downloadFile(object);
    await cancelled!.body.cancel();
    expect((await rejection(cancelled!.arrayBuffer())).code).toBe('INVALID_VALUE');
  });

  it.each([
    ['a page of HTML', status(404, '<html><br>', { 'content-type': 'text/html' })],
    ['nothing', status(404)],
  ])('takes a 404 with %s for a failure, because S3 says NoSuchKey', async (_name, answer) => {
    server.answer(answer);
    const error = await rejection(client().downloadFile(object));
    expect([error.code, error.message]).toEqual(['R2_FAILED', expect.stringContaining('HTTP 404')]);
    server.answer(failure(404, 'NoSuchKey'));
    expect(await client().downloadFile(object)).toBeNull();
  });

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

  it.each([
    ['fails', failure(500, 'InternalError')],
    ['is cut off', cutConnection],
  ])('fails with its own error when the abort %s too, which is reported', async (_name, answer) => {
    const events: ClientEvent[] = [];
    server.answer(created, failure(403, 'AccessDenied'), answer);
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

describe('an upload in parts whose last answer is lost', () => {
  const created = status(200, '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>');
  const md5 = (bytes: Uint8Array): Buffer => createHash('md5').update(bytes).digest();
  const parts = [8, 8, 4].map((mebibytes) => md5(new Uint8Array(mebibytes * MIB)));
  const whole = `${md5(Buffer.concat(parts)).toString('hex')}-3`;
  const found = (etag: string, size = 20 * MIB): Answer => status(200, '', { etag, 'content-length': String(size) });
  const part: Answer = (response, { body }) =>
    void response.writeHead(200, { etag: `"${md5(body).toString('hex')}"` }).end();
  const opaque = status(200, '', { etag: '"opaque"' });
  const upload = (partAnswer: Answer, ...ending: readonly Answer[]): Promise<unknown> => {
    server.answer(created, partAnswer, partAnswer, partAnswer, ...ending);
    return client().uploadFile({ ...object, body: new Blob([new Uint8Array(20 * MIB)]).stream() });
  };

  it.each([
    ['has the tag that the parts give', part, whole],
    ['has as many parts and bytes, where tags of parts say nothing', opaque, 'anything-3'],
  ])('succeeds when the object %s', async (_name, partAnswer, etag) => {
    const result = await upload(partAnswer, cutConnection, failure(404, 'NoSuchUpload'), found(`"${etag}"`));
    expect(result).toEqual({ key: object.key, etag, size: 20 * MIB });
    expect(server.seen.at(-1)?.method).toBe('HEAD');
  });

  it.each([
    ['has another tag', part, found('"other-3"')],
    ['has another number of parts', opaque, found('"other-2"')],
    ['has another size', opaque, found('"other-3"', 7)],
    ['is not there', opaque, status(404)],
  ])('fails when the object %s', async (_name, partAnswer, head) => {
    const lost = upload(partAnswer, cutConnection, failure(404, 'NoSuchUpload'), head, status(204));
    expect((await rejection(lost)).message).toContain('NoSuchUpload');
    expect(server.seen.at(-1)?.method).toBe('DELETE');
  });

  it('fails when the upload was unknown at the first time', async () => {
    const unknown = upload(part, failure(404, 'NoSuchUpload'), status(204));
    expect((await rejection(unknown)).message).toContain('NoSuchUpload');
    expect(server.seen.filter(({ method }) => method === 'HEAD')).toEqual([]);
  });
});

describe('a bulk deletion', () => {
  const entry = ([key, code]: readonly [string, string?]): string =>
    code === undefined
      ? `<Deleted><Key>${key}</Key></Deleted>`
      : `<Error><Key>${key}</Key><Code>${code}</Code><Message>m</Message></Error>`;
  const errors = (...entries: readonly (readonly [string, string?])[]): string =>
    `<DeleteResult>${entries.map(entry).join('')}</DeleteResult>`;

  it('carries Content-MD5 of its body, and no CRC32', async () => {
    server.answer(confirmDeletion);
    await client().deleteFiles({ bucket: 'media', keys: ['é', 'b'] });
    const { headers, body } = server.seen[0]!;
    expect(headers['content-md5']).toBe(createHash('md5').update(body).digest('base64'));
    expect(Object.keys(headers).filter((name) => name.includes('checksum'))).toEqual([]);
  });

  it('tries again the keys that failed for the moment, and reports the others', async () => {
    const waits: number[] = [];
    server.answer(
      status(200, errors(['d'], ['a', 'InternalError'], ['b', 'AccessDenied'], ['c', 'SlowDown'])),
      confirmDeletion,
    );
    const wait = (milliseconds: number): Promise<void> => Promise.resolve(void waits.push(milliseconds));
    const result = await client({ wait }).deleteFiles({ bucket: 'media', keys: ['a', 'b', 'c', 'd'] });
    expect(result).toEqual({ deleted: 3, failed: [{ key: 'b', code: 'AccessDenied', message: 'm' }] });
    expect(waits).toEqual([200]);
    expect(server.seen[1]?.body.toString()).toMatch(/<Key>a<\/Key>.*<Key>c<\/Key>/);
    expect(server.seen[1]?.body.toString()).not.toContain('<Key>b</Key>');
  });

  it('reports the keys that fail every time', async () => {
    server.answer(status(200, errors(['b'], ['a', 'InternalError'])));
    const result = await client().deleteFiles({ bucket: 'media', keys: ['a', 'b'] });
    expect(result).toEqual({ deleted: 1, failed: [{ key: 'a', code: 'InternalError', message: 'm' }] });
    expect(server.seen).toHaveLength(3);
  });

  it('names at most 1,000 keys a request', async () => {
    server.answer(confirmDeletion);
    const keys = Array.from({ length: 2_001 }, (_, index) => `k${index}`);
    expect(await client().deleteFiles({ bucket: 'media', keys })).toEqual({ deleted: 2_001, failed: [] });
    expect(server.seen.map(({ body }) => body.toString().split('<Key>').length - 1)).toEqual([1000, 1000, 1]);
  });

  it('says how many were deleted before a request failed', async () => {
    server.answer(confirmDeletion, failure(403, 'AccessDenied'));
    const keys = Array.from({ length: 1_001 }, (_, index) => `k${index}`);
    const error = await rejection(client().deleteFiles({ bucket: 'media', keys }));
    expect(error.message).toBe('R2 delete (after 1000 were deleted) of media failed: AccessDenied, HTTP 403.');
  });

  it.each([
    ['is empty', status(200)],
    ['is a page of HTML', status(200, '<html><body>ok</body></html>', { 'content-type': 'text/html' })],
    ['confirms other keys', status(200, '<DeleteResult><Deleted><Key>z</Key></Deleted></DeleteResult>')],
  ])('takes no key for deleted when the answer %s', async (_name, answer) => {
    server.answer(answer);
    const { deleted, failed } = await client().deleteFiles({ bucket: 'media', keys: ['a', 'b'] });
    expect(deleted).toBe(0);
    expect(failed.map(({ key, code }) => [key, code])).toEqual([
      ['a', 'NotConfirmed'],
      ['b', 'NotConfirmed'],
    ]);
  });

  it('reports a key that goes by a request of its own and is refused, and goes on', async () => {
    server.answer(confirmDeletion, failure(403, 'AccessDenied'), status(204));
    const result = await client().deleteFiles({ bucket: 'media', keys: [' a', 'b', 'c '] });
    expect(result).toEqual({ deleted: 2, failed: [{ key: ' a', code: 'AccessDenied', message: 'no' }] });
  });

  it('counts what was deleted before within the same batch', async () => {
    server.answer(confirmDeletion, status(204), cutConnection);
    const error = await rejection(client().deleteFiles({ bucket: 'media', keys: [' a', 'b', 'c '] }));
    expect(error.message).toContain('R2 delete (after 2 were deleted) of media failed');
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

  it.each([
    ['a key outside the prefix', page(['p/a', 'other/b'])],
    ['an empty key', page(['p/a', ''])],
  ])('fails on %s, and nothing of that page is deleted', async (_name, body) => {
    server.answer(status(200, body));
    const options = { bucket: 'media', prefix: 'p/' };
    expect((await rejection(client().deletePrefix(options))).code).toBe('R2_FAILED');
    expect((await rejection(client().listFiles(options))).code).toBe('R2_FAILED');
    expect(server.seen.map(({ method }) => method)).toEqual(['GET', 'GET']);
  });

  it.each([
    ['an empty answer', ''],
    ['a page of HTML', '<html><body>ok</body></html>'],
  ])('takes %s for a failure and not for an empty bucket', async (_name, body) => {
    server.answer(status(200, body));
    expect((await rejection(client().listFiles({ bucket: 'media' }))).code).toBe('R2_FAILED');
  });

  it('that fails on a later page of a deletion says how many were deleted', async () => {
    // The next page is listed while the first is deleted: which request comes first is open.
    const second: Answer = (response, request) =>
      (request.method === 'POST' ? confirmDeletion : failure(403, 'AccessDenied'))(response, request);
    server.answer(status(200, page(['p/a', 'p/b'], 't1')), second);
    const error = await rejection(client().deletePrefix({ bucket: 'media', prefix: 'p/' }));
    expect(error.message).toBe(
      'R2 list for deletion (after 2 were deleted) of media/p/ failed: AccessDenied, HTTP 403.',
    );
  });

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
