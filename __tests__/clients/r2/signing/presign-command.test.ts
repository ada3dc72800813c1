import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { presignCommand } from '../../../../src/clients/r2/signing/presign-command.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';

const BUCKET = 'presign-command';

let server: S3Server;
let r2: R2Client;

beforeAll(async () => {
  server = await startS3Server({ buckets: [BUCKET] });
  r2 = new R2Client(server.config);
});

afterAll(() => server.stop());

describe('presignCommand', () => {
  it('signs commands for which the client has no method', async () => {
    await r2.uploadFile({ bucket: BUCKET, key: 'a.txt', body: 'a' });
    const list = await presignCommand(r2, new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'a' }), { expiresIn: 60 });
    expect(await (await fetch(list)).text()).toContain('<Key>a.txt</Key>');
    const deletion = new DeleteObjectCommand({ Bucket: BUCKET, Key: 'a.txt' });
    const url = await presignCommand(r2, deletion, { expiresIn: 60 });
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(204);
    expect(await r2.headFile({ bucket: BUCKET, key: 'a.txt' })).toBeNull();
  });

  it('signs the headers that are named, at the time of the clock', async () => {
    const clocked = new R2Client(server.config, { now: () => 0 });
    const command = new PutObjectCommand({ Bucket: BUCKET, Key: 'k', ContentType: 'text/plain' });
    const signableHeaders = new Set(['content-type', 'host']);
    const { searchParams } = new URL(await presignCommand(clocked, command, { expiresIn: 60, signableHeaders }));
    expect(searchParams.get('X-Amz-SignedHeaders')).toBe('content-type;host');
    expect(searchParams.get('X-Amz-Date')).toBe('19700101T000000Z');
    expect(signableHeaders.size).toBe(2);
  });

  it.each([0, 604_801, NaN])('refuses expiresIn %p', async (expiresIn) => {
    const signing = presignCommand(r2, new ListObjectsV2Command({ Bucket: BUCKET }), { expiresIn });
    await expect(signing).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('refuses what is no command, no client and no options', async () => {
    await expect(presignCommand(r2, null as never, { expiresIn: 60 })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    const command = new ListObjectsV2Command({ Bucket: BUCKET });
    await expect(presignCommand({} as never, command, { expiresIn: 60 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(presignCommand(r2, command, null as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('names bucket and key of a command that the SDK refuses', async () => {
    const command = new DeleteObjectCommand({ Bucket: BUCKET, Key: undefined });
    const signing = presignCommand(r2, command, { expiresIn: 60 });
    await expect(signing).rejects.toMatchObject({
      code: 'R2_FAILED',
      message: expect.stringContaining(BUCKET) as string,
    });
  });
});
