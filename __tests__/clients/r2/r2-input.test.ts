import { R2Client } from '../../../src/clients/r2/r2-client.js';
import type { R2ClientConfig } from '../../../src/clients/r2/r2-config.js';
import type { R2UploadOptions } from '../../../src/clients/r2/transfer/upload-options.js';
import { contentTypeForKey } from '../../../src/clients/r2/content-types.js';

const config = { accountId: 'a1b2c3', accessKeyId: 'AKID', secretAccessKey: 'a-very-secret-key' };
// Nothing listens there: an input that is not refused fails with another code.
const r2 = new R2Client({ ...config, endpoint: 'http://127.0.0.1:1' }, { maxAttempts: 1 });

describe('R2Client config', () => {
  it.each([
    ['accountId', ''],
    ['accountId', 'evil.example/'],
    ['accountId', 'a.b'],
    ['accountId', undefined],
    ['accessKeyId', ''],
    ['secretAccessKey', 'a secret\n'],
    ['secretAccessKey', 7],
    ['endpoint', 'not a url'],
    ['endpoint', 'ftp://host'],
    ['endpoint', 'https://host/?a=1'],
    ['endpoint', 'https://host/#a'],
    ['endpoint', 'https://user:a-very-secret-key@host'],
    ['jurisdiction', 'mars'],
  ])('refuses %s %j by name, without a secret', (field, value) => {
    const wrong = { ...config, [field]: value } as R2ClientConfig;
    expect(() => new R2Client(wrong)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }) as Error);
    expect(() => new R2Client(wrong)).toThrow(new RegExp(`^R2 config: ${field} (?!.*secret-key)`));
  });

  it.each([undefined, null, 'config'])('refuses %j for a config', (wrong) => {
    expect(() => new R2Client(wrong as unknown as R2ClientConfig)).toThrow('the R2 config must be an object');
  });

  it.each([
    ['timeoutMs', 0],
    ['timeoutMs', 600_001],
    ['maxAttempts', 0],
    ['maxAttempts', 11],
    ['maxAttempts', 1.5],
  ])('refuses the option %s %d', (option, value) => {
    expect(() => new R2Client(config, { [option]: value })).toThrow(`${option} ${value} must be an integer from 1 to`);
  });

  it.each([null, 7, []])('refuses %j for options', (wrong) => {
    const create = (): R2Client => new R2Client(config, wrong as never);
    expect(create).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
  });

  it.each(['now', 'wait'])('refuses a %s that cannot be called', (option) => {
    const create = (): R2Client => new R2Client(config, { [option]: 0 });
    expect(create).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
  });

  it.each([
    [undefined, 'https://a1b2c3.r2.cloudflarestorage.com/media/k?'],
    ['default', 'https://a1b2c3.r2.cloudflarestorage.com/media/k?'],
    ['eu', 'https://a1b2c3.eu.r2.cloudflarestorage.com/media/k?'],
    ['fedramp', 'https://a1b2c3.fedramp.r2.cloudflarestorage.com/media/k?'],
    ['us', 'https://a1b2c3.us.r2.cloudflarestorage.com/media/k?'],
  ] as const)('reaches jurisdiction %s at its endpoint', async (jurisdiction, start) => {
    const client = new R2Client({ ...config, jurisdiction });
    const url = await client.getSignedUrl({ bucket: 'media', key: 'k', expiresIn: 60 });
    expect(url.startsWith(start)).toBe(true);
    expect(url).not.toContain(config.secretAccessKey);
  });

  it('signs the same URL for the same clock, with the credentials of the config as it is now', async () => {
    const mutable = { ...config };
    const sign = (): Promise<string> =>
      new R2Client(mutable, { now: () => 0 }).getSignedUrl({ bucket: 'media', key: 'k', expiresIn: 60 });
    const first = await sign();
    expect(first).toContain('X-Amz-Date=19700101T000000Z');
    expect(await sign()).toBe(first);
    mutable.secretAccessKey = 'another';
    expect(await sign()).not.toBe(first);
  });
});

describe('R2Client input', () => {
  const methods = ['uploadFile', 'downloadFile', 'headFile', 'deleteFile', 'deleteFiles'] as const;
  const others = ['deletePrefix', 'listFiles', 'copyFile', 'getSignedUrl'] as const;

  it.each([...methods, ...others])('%s refuses what is no options object', async (method) => {
    const call = (...args: unknown[]): Promise<unknown> =>
      (r2[method] as (...args: unknown[]) => Promise<unknown>).apply(r2, args);
    for (const args of [[], [null], ['options'], [[]]]) {
      await expect(call(...args)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    }
    await expect(r2.iterateFiles(null as never).next()).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it.each([7, null, {}])('refuses the downloadName %p', async (downloadName) => {
    const signing = r2.getSignedUrl({ bucket: 'media', key: 'k', expiresIn: 60, downloadName: downloadName as string });
    await expect(signing).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it.each([NaN, Infinity, 9e15, '0', undefined])('refuses the time %p', async (time) => {
    const client = new R2Client(config, { now: () => time as number });
    const signing = client.getSignedUrl({ bucket: 'media', key: 'k', expiresIn: 60 });
    await expect(signing).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it.each(['', 'ab', 'A-bucket', 'a_b', '-ab', 'ab-', 'a/b', '..', 'a'.repeat(64), 7, undefined])(
    'refuses the bucket %j',
    async (bucket) => {
      const download = r2.downloadFile({ bucket: bucket as string, key: 'k' });
      await expect(download).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    },
  );

  it.each(['', '.', '..', 'a/../b', 'a/./b', '../a', 'a/..', 'a\u0000b', 'a\nb', '\ud800', 'é'.repeat(513), 7, null])(
    'refuses the key %j everywhere',
    async (wrong) => {
      const object = { bucket: 'media', key: wrong as string };
      const refusal = { code: 'INVALID_KEY' };
      await expect(r2.uploadFile({ ...object, body: 'x' })).rejects.toMatchObject(refusal);
      await expect(r2.downloadFile(object)).rejects.toMatchObject(refusal);
      await expect(r2.headFile(object)).rejects.toMatchObject(refusal);
      await expect(r2.deleteFile(object)).rejects.toMatchObject(refusal);
      await expect(r2.copyFile({ ...object, sourceKey: 'k' })).rejects.toMatchObject(refusal);
      await expect(r2.copyFile({ ...object, sourceKey: object.key, key: 'k' })).rejects.toMatchObject(refusal);
      await expect(r2.getSignedUrl({ ...object, expiresIn: 60 })).rejects.toMatchObject(refusal);
    },
  );

  it.each(['é'.repeat(512), '...', 'a/...', '.hidden', 'a..b/..c', '%2e%2e/x'])('takes the key %j', async (key) => {
    await expect(r2.getSignedUrl({ bucket: 'media', key, expiresIn: 60 })).resolves.toContain('X-Amz-Signature=');
  });

  it.each(['\udfff', 'é'.repeat(513), 7])('refuses the prefix %j', async (prefix) => {
    const refusal = { code: 'INVALID_PREFIX' };
    await expect(r2.listFiles({ bucket: 'media', prefix: prefix as string })).rejects.toMatchObject(refusal);
    const deletion = r2.deletePrefix({ bucket: 'media', prefix: prefix as string, allowUnterminatedPrefix: true });
    await expect(deletion).rejects.toMatchObject(refusal);
  });

  it.each(['mx', new Set(['m']), { 0: 'm', length: 1 }, undefined, null])('refuses the keys %p', async (keys) => {
    const deletion = r2.deleteFiles({ bucket: 'media', keys: keys as unknown as string[] });
    await expect(deletion).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it.each([0, -1, 1.5, NaN])('refuses maxKeys %p', async (maxKeys) => {
    await expect(r2.listFiles({ bucket: 'media', maxKeys })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it.each([
    ['no names: null', null],
    ['no names: an array', ['x']],
    ['no names: a Map', new Map([['a', 'x']])],
    ['no names: text', 'abc'],
    ['no names: a number', 7],
    ['the name __proto__', JSON.parse('{"__proto__":"x"}')],
    ['a name with a space', { 'a b': 'x' }],
    ['a name with a line end', { 'a\r\nx-evil': 'x' }],
    ['an empty name', { '': 'x' }],
    ['a value with a line end', { a: 'x\r\ny' }],
    ['half of a surrogate pair', { a: '\ud800' }],
    ['a value that is no string', { a: 1 }],
    ['a value with a space at its end', { a: 'x ' }],
    ['names that differ in case only', { a: 'x', A: 'y' }],
    ['more than 8,192 bytes', { a: 'x'.repeat(8192) }],
  ])('refuses metadata with %s', async (_name, metadata) => {
    const upload = r2.uploadFile({
      bucket: 'media',
      key: 'k',
      body: 'x',
      metadata: metadata as Record<string, string>,
    });
    await expect(upload).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });

  it.each([
    ['contentType', 'text/plain\r\nx-evil: 1'],
    ['contentType', ''],
    ['cacheControl', 'ünicode'],
    ['contentDisposition', 'a\nb'],
    ['contentLength', -1],
    ['contentLength', 1.5],
  ])('refuses %s %j', async (option, value) => {
    const options = { bucket: 'media', key: 'k', body: 'x', [option]: value } as R2UploadOptions;
    await expect(r2.uploadFile(options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('refuses a contentLength that bytes do not have', async () => {
    const upload = r2.uploadFile({ bucket: 'media', key: 'k', body: 'abc', contentLength: 4 });
    await expect(upload).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });

  it('leaves the stream of a refused upload alone', async () => {
    const body = new Blob(['x']).stream();
    await expect(r2.uploadFile({ bucket: 'media', key: '', body })).rejects.toMatchObject({ code: 'INVALID_KEY' });
    expect(await new Response(body).text()).toBe('x');
  });

  it('shortens a long value in its message', async () => {
    await expect(r2.headFile({ bucket: 'media', key: 'k'.repeat(5000) })).rejects.toThrow(
      /^key "k{80}\.\.\." is 5000 bytes/,
    );
  });
});

describe('contentTypeForKey', () => {
  it.each([
    ['hls/1/master.m3u8', 'application/vnd.apple.mpegurl'],
    ['hls/1/seg0.ts', 'video/mp2t'],
    ['a.MP4', 'video/mp4'],
    ['a.tar.zip', 'application/zip'],
    ['a/thumb.WebP', 'image/webp'],
    ['a/b.d/noextension', 'application/octet-stream'],
    ['a.unknown', 'application/octet-stream'],
    ['a.constructor', 'application/octet-stream'],
    ['a.', 'application/octet-stream'],
  ])('of %s is %s', (key, expected) => {
    expect(contentTypeForKey(key)).toBe(expected);
  });
});
