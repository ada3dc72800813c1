import { createHash, createHmac } from 'node:crypto';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import {
  temporaryCredentials,
  type R2TemporaryCredentialsOptions,
} from '../../../../src/clients/r2/signing/temporary-credentials.js';
import { startS3Front, type S3Front } from '../../../support/s3-front.js';

const BUCKET = 'temporary';
const OTHER = 'temporary-other';
const NOW = Date.UTC(2026, 10, 27, 12, 0, 0, 500);
const config = { accountId: 'a1b2c3', accessKeyId: 'AKID', secretAccessKey: 'parent-secret' };

const grant = {
  bucket: BUCKET,
  permission: 'object-read-write',
  prefixes: ['creator/originals/media/'],
  ttlSeconds: 900,
} as const;

describe('temporaryCredentials', () => {
  it("are the parent's key, a JWT signed by its secret, and the hash of that", async () => {
    const r2 = new R2Client({ ...config, jurisdiction: 'eu' }, { now: () => NOW });
    const made = await temporaryCredentials(r2, {
      ...grant,
      actions: ['GetObject', 'PutObject'],
      objects: ['creator/é "1".txt'],
    });
    const token = Buffer.from(made.sessionToken, 'base64').toString('latin1');
    const jwt = token.slice('jwt/'.length);
    const [header = '', payload = '', signature = ''] = jwt.split('.');
    expect(token.startsWith('jwt/')).toBe(true);
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg: 'HS256', typ: 'JWT' });
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toEqual({
      bucket: BUCKET,
      scope: 'object-read-write',
      actions: ['GetObject', 'PutObject'],
      paths: { prefixPaths: ['creator/originals/media/'], objectPaths: ['creator/é "1".txt'] },
      sub: 'a1b2c3',
      iss: 'AKID',
      aud: 'a1b2c3.eu.r2.cloudflarestorage.com',
      iat: Math.floor(NOW / 1000),
      exp: Math.floor(NOW / 1000) + 900,
    });
    expect(signature).toBe(createHmac('sha256', 'parent-secret').update(`${header}.${payload}`).digest('base64url'));
    expect(made).toEqual({
      accountId: 'a1b2c3',
      endpoint: 'https://a1b2c3.eu.r2.cloudflarestorage.com',
      accessKeyId: 'AKID',
      secretAccessKey: createHash('sha256').update(jwt).digest('hex'),
      sessionToken: Buffer.from(`jwt/${jwt}`).toString('base64'),
      expiresAt: new Date(Math.floor(NOW / 1000) * 1000 + 900_000),
    });
    expect(JSON.stringify(made)).not.toContain('parent-secret');
  });

  it('names no paths for a whole bucket', async () => {
    const r2 = new R2Client(config, { now: () => NOW });
    const whole = { ...grant, prefixes: undefined, wholeBucket: true };
    const { sessionToken } = await temporaryCredentials(r2, whole);
    const [, payload = ''] = Buffer.from(sessionToken, 'base64').toString('latin1').split('.');
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).not.toHaveProperty('paths');
  });

  it.each<[string, Partial<Record<keyof R2TemporaryCredentialsOptions, unknown>>]>([
    ['INVALID_OPTION', { prefixes: undefined }],
    ['INVALID_OPTION', { prefixes: [] }],
    ['INVALID_OPTION', { objects: [] }],
    ['INVALID_OPTION', { actions: [] }],
    ['INVALID_OPTION', { prefixes: 'a/' }],
    ['INVALID_OPTION', { wholeBucket: true }],
    ['INVALID_OPTION', { prefixes: undefined, wholeBucket: 'yes' }],
    ['INVALID_PREFIX', { prefixes: [''] }],
    ['INVALID_PREFIX', { prefixes: ['creator'] }],
    ['INVALID_PREFIX', { prefixes: [7] }],
    ['INVALID_KEY', { objects: [''] }],
    ['INVALID_KEY', { objects: ['a/../b'] }],
    ['INVALID_OPTION', { actions: ['get object'] }],
    ['INVALID_OPTION', { permission: 'all' }],
    ['INVALID_OPTION', { permission: undefined }],
    ['INVALID_OPTION', { permission: 'admin-read-only' }],
    ['INVALID_OPTION', { permission: 'admin-read-write', prefixes: undefined, objects: ['a'] }],
    ['INVALID_OPTION', { bucket: '' }],
    ['INVALID_OPTION', { ttlSeconds: 0 }],
    ['INVALID_OPTION', { ttlSeconds: 604_801 }],
    ['INVALID_OPTION', { ttlSeconds: undefined }],
  ])('refuse with %s %j', async (code, change) => {
    const options = { ...grant, ...change } as R2TemporaryCredentialsOptions;
    await expect(temporaryCredentials(new R2Client(config), options)).rejects.toMatchObject({ code });
  });

  it('are not made of temporary ones, nor of a mock', async () => {
    const child = new R2Client(await temporaryCredentials(new R2Client(config), grant));
    await expect(temporaryCredentials(child, grant)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(temporaryCredentials({} as never, grant)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('a client with temporary credentials', () => {
  let front: S3Front;
  let r2: R2Client;
  const inside = 'creator/originals/media/original.mp4';
  const outside = 'creator/originals/other/original.mp4';

  beforeAll(async () => {
    front = await startS3Front({ buckets: [BUCKET, OTHER] });
    r2 = new R2Client(front.config);
    for (const key of [inside, outside]) await r2.uploadFile({ bucket: BUCKET, key, body: 'film' });
  });

  afterAll(() => front.stop());

  it('reaches what it was granted, and nothing else', async () => {
    const child = new R2Client(await temporaryCredentials(r2, grant));
    expect(await (await child.downloadFile({ bucket: BUCKET, key: inside }))!.text()).toBe('film');
    await child.uploadFile({ bucket: BUCKET, key: `${grant.prefixes[0]}new.mp4`, body: 'new' });
    expect((await child.listFiles({ bucket: BUCKET, prefix: grant.prefixes[0] })).length).toBe(2);
    const denied = { code: 'R2_ACCESS_DENIED' };
    await expect(child.downloadFile({ bucket: BUCKET, key: outside })).rejects.toMatchObject(denied);
    await expect(child.uploadFile({ bucket: BUCKET, key: outside, body: 'x' })).rejects.toMatchObject(denied);
    await expect(child.downloadFile({ bucket: OTHER, key: inside })).rejects.toMatchObject(denied);
    await expect(child.listFiles({ bucket: BUCKET, prefix: 'creator/' })).rejects.toMatchObject(denied);
  });

  it('only reads with the permission to read', async () => {
    const child = new R2Client(await temporaryCredentials(r2, { ...grant, permission: 'object-read-only' }));
    expect(await child.headFile({ bucket: BUCKET, key: inside })).not.toBeNull();
    const upload = child.uploadFile({ bucket: BUCKET, key: inside, body: 'x' });
    await expect(upload).rejects.toMatchObject({ code: 'R2_ACCESS_DENIED' });
  });

  it('signs URLs that carry the session token', async () => {
    const child = new R2Client(await temporaryCredentials(r2, grant));
    const sign = (key: string): Promise<string> => child.getSignedUrl({ bucket: BUCKET, key, expiresIn: 60 });
    const response = await fetch(await sign(inside));
    expect([response.status, await response.text()]).toEqual([200, 'film']);
    expect((await fetch(await sign(outside))).status).toBe(403);
  });

  it('reaches nothing when they have expired', async () => {
    const past = new R2Client(front.config, { now: () => Date.now() - 901_000 });
    const child = new R2Client(await temporaryCredentials(past, grant));
    const download = child.downloadFile({ bucket: BUCKET, key: inside });
    await expect(download).rejects.toMatchObject({ code: 'R2_ACCESS_DENIED' });
  });
});
