import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { temporaryCredentials } from '../../../../src/clients/r2/signing/temporary-credentials.js';
import { startS3Front, type S3Front } from '../../../support/s3-front.js';

const bucket = 'temporary-media';
const prefix = 'u1/originals/';
const DENIED = { code: 'R2_ACCESS_DENIED' };

let front: S3Front;
let parent: R2Client;

beforeAll(async () => {
  front = await startS3Front({ buckets: [bucket, 'other-media'] });
  parent = new R2Client(front.config);
  await parent.uploadFile({ bucket, key: 'u2/originals/theirs', body: 'theirs' });
});

afterAll(() => front.stop());

async function scoped(permission: 'object-read-only' | 'object-read-write'): Promise<R2Client> {
  return new R2Client(await temporaryCredentials(parent, { bucket, permission, prefixes: [prefix], ttlSeconds: 60 }));
}

describe('an R2Client with temporary credentials', () => {
  it('reads, writes, lists, signs and deletes inside the prefix', async () => {
    const mine = await scoped('object-read-write');
    await mine.uploadFile({ bucket, key: `${prefix}a`, body: 'mine' });
    await mine.uploadFile({ bucket, key: `${prefix}large`, body: new Uint8Array(9 * 1024 * 1024) });
    expect(await (await mine.downloadFile({ bucket, key: `${prefix}a` }))?.text()).toBe('mine');
    expect((await mine.listFiles({ bucket, prefix })).map(({ key }) => key)).toEqual([`${prefix}a`, `${prefix}large`]);
    const url = await mine.getSignedUrl({ bucket, key: `${prefix}a`, expiresIn: 60 });
    expect(await (await fetch(url)).text()).toBe('mine');
    expect((await fetch(url.replace('/a?', '/b?'))).status).toBe(403);
    await mine.copyFile({ bucket, sourceKey: `${prefix}a`, key: `${prefix}b` });
    expect(await mine.deletePrefix({ bucket, prefix })).toMatchObject({ deleted: 3, failed: [] });
  });

  it('does nothing outside of it', async () => {
    const mine = await scoped('object-read-write');
    const key = 'u2/originals/theirs';
    await expect(mine.downloadFile({ bucket, key })).rejects.toMatchObject(DENIED);
    await expect(mine.uploadFile({ bucket, key, body: 'x' })).rejects.toMatchObject(DENIED);
    await expect(mine.deleteFile({ bucket, key })).rejects.toMatchObject(DENIED);
    await expect(mine.deleteFiles({ bucket, keys: [`${prefix}a`, key] })).rejects.toMatchObject(DENIED);
    await expect(mine.copyFile({ bucket, sourceKey: key, key: `${prefix}b` })).rejects.toMatchObject(DENIED);
    await expect(mine.listFiles({ bucket })).rejects.toMatchObject(DENIED);
    await expect(mine.downloadFile({ bucket: 'other-media', key: `${prefix}a` })).rejects.toMatchObject(DENIED);
    const url = await mine.getSignedUrl({ bucket, key, expiresIn: 60 });
    expect((await fetch(url)).status).toBe(403);
    expect(await (await parent.downloadFile({ bucket, key }))?.text()).toBe('theirs');
  });

  it('does not write where it may only read', async () => {
    const reader = await scoped('object-read-only');
    expect(await reader.downloadFile({ bucket, key: `${prefix}none` })).toBeNull();
    await expect(reader.uploadFile({ bucket, key: `${prefix}a`, body: 'x' })).rejects.toMatchObject(DENIED);
  });
});
