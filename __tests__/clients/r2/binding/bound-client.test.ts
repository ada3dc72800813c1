import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import type { R2BindingsConfig } from '../../../../src/clients/r2/r2-config.js';
import type { R2BucketLike } from '../../../../src/clients/r2/store/r2-bucket.js';
import { MemoryKVNamespace } from '../../../../src/testing/memory-kv-namespace.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';
import { FakeBucket, fakeObject } from './fake-bucket.js';

const BOUND = 'bound-bucket';
const OTHER = 'other-bucket';
const CREDENTIALS = { accountId: 'acc', accessKeyId: 'key', secretAccessKey: 'secret' };

let server: S3Server;
let binding: R2BucketLike;

beforeAll(async () => {
  server = await startS3Server({ buckets: [BOUND, OTHER] });
  binding = await server.binding(BOUND);
});

afterAll(() => server.stop());

describe('a client with a bound bucket', () => {
  it('reaches its objects by the binding and all others over S3', async () => {
    const fake = new FakeBucket().answer(() => ({ objects: [fakeObject()], delimitedPrefixes: [], truncated: false }));
    const r2 = new R2Client({ ...server.config, bindings: { [BOUND]: fake } });
    expect(await r2.listFiles({ bucket: BOUND })).toHaveLength(1);
    expect(fake.calls).toHaveLength(1);
    expect(await r2.listFiles({ bucket: OTHER })).toEqual([]);
    expect(fake.calls).toHaveLength(1);
  });

  it('copies between a bound bucket and another over S3, either way', async () => {
    const r2 = new R2Client({ ...server.config, bindings: { [BOUND]: binding } });
    await binding.put('a', 'text', { httpMetadata: { contentType: 'text/css' } });
    await r2.copyFile({ bucket: OTHER, key: 'b', sourceBucket: BOUND, sourceKey: 'a' });
    await r2.copyFile({ bucket: BOUND, key: 'c', sourceBucket: OTHER, sourceKey: 'b' });
    expect(await binding.head('c')).toMatchObject({ size: 4, httpMetadata: { contentType: 'text/css' } });
  });

  it('signs for it as for every other', async () => {
    const r2 = new R2Client({ ...server.config, bindings: { [BOUND]: binding } });
    await binding.put('signed', 'text');
    expect(await (await fetch(await r2.getSignedUrl({ bucket: BOUND, key: 'signed', expiresIn: 60 }))).text()).toBe(
      'text',
    );
  });

  it('looks at a binding when its bucket is first used, and names what is wrong with it', async () => {
    const bindings = {
      [BOUND]: undefined,
      [OTHER]: new MemoryKVNamespace(),
    } as unknown as R2BindingsConfig['bindings'];
    const r2 = new R2Client({ bindings });
    await expect(r2.listFiles({ bucket: BOUND })).rejects.toMatchObject({
      code: 'MISSING_BINDING',
      message: expect.stringMatching(
        /bindings\["bound-bucket"\] is undefined.*"bucket_name": "bound-bucket"/,
      ) as string,
    });
    await expect(r2.listFiles({ bucket: OTHER })).rejects.toMatchObject({ code: 'INVALID_BINDING' });
  });

  it('takes no inherited name for a bucket', async () => {
    const r2 = new R2Client({ bindings: {} });
    await expect(r2.listFiles({ bucket: 'constructor' })).rejects.toMatchObject({ code: 'MISSING_CREDENTIALS' });
  });

  it.each([null, [], 'media', 5])('refuses %j as bindings', (bindings) => {
    expect(() => new R2Client({ bindings } as never)).toThrow(/R2 config: bindings must be an object/);
  });

  it('refuses what is no bucket name', () => {
    expect(() => new R2Client({ bindings: { MEDIA: binding } })).toThrow(
      /bindings has "MEDIA", which is not a bucket name/,
    );
  });
});

describe('a client without credentials', () => {
  const r2 = new R2Client({ bindings: { 'bound-bucket': new FakeBucket() } });
  const other = { bucket: OTHER, key: 'k' };

  it.each<[string, () => Promise<unknown>]>([
    ['uploadFile', () => r2.uploadFile({ ...other, body: 'x' })],
    ['downloadFile', () => r2.downloadFile(other)],
    ['headFile', () => r2.headFile(other)],
    ['deleteFile', () => r2.deleteFile(other)],
    ['deleteFiles', () => r2.deleteFiles({ bucket: OTHER, keys: ['k'] })],
    ['deletePrefix', () => r2.deletePrefix({ bucket: OTHER, prefix: 'p/' })],
    ['listFiles', () => r2.listFiles({ bucket: OTHER })],
    ['copyFile', () => r2.copyFile({ ...other, sourceKey: 's' })],
    ['getSignedUrl', () => r2.getSignedUrl({ bucket: BOUND, key: 'k', expiresIn: 60 })],
  ])('says which are missing: %s', async (_name, call) => {
    await expect(call()).rejects.toMatchObject({
      code: 'MISSING_CREDENTIALS',
      message: expect.stringMatching(/no accountId and no accessKeyId and no secretAccessKey\.$/) as string,
    });
  });

  it('names those alone that are missing', async () => {
    const { secretAccessKey: _secret, ...some } = CREDENTIALS;
    const half = new R2Client({ ...some, bindings: {} });
    await expect(half.listFiles({ bucket: OTHER })).rejects.toThrow(
      'R2: list of other-bucket goes over S3 and needs an API token; the config has no secretAccessKey.',
    );
  });

  it('still refuses credentials that are no credentials', () => {
    expect(() => new R2Client({ ...CREDENTIALS, secretAccessKey: '', bindings: {} })).toThrow(
      /secretAccessKey must be/,
    );
  });
});
