import { getCors, putCors } from '../../../../src/clients/r2/bucket/cors.js';
import { getLifecycle, putLifecycle } from '../../../../src/clients/r2/bucket/lifecycle.js';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { startS3Front, type S3Front } from '../../../support/s3-front.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';

const bucket = 'codex-media';

let front: S3Front;
let r2: R2Client;

beforeAll(async () => {
  front = await startS3Front({ buckets: [bucket] });
  r2 = new R2Client(front.config);
});
afterAll(() => front.stop());

describe('settings on a server that verifies signatures and refuses what R2 refuses', () => {
  it('of the lifecycle: the rule that R2 makes itself survives a merge', async () => {
    const rules = [
      { id: 'previews', prefix: 'c1/ü & <x>/', expireAfterDays: 30 },
      { id: 'cold', prefix: 'c1/originals/', transition: { afterDays: 60, storageClass: 'STANDARD_IA' as const } },
    ];
    const plan = await putLifecycle(r2, { bucket, rules, mode: 'replace', dryRun: true });
    expect(plan).toMatchObject({ losesMultipartRule: true, written: false });
    expect(await putLifecycle(r2, { bucket, rules, mode: 'merge' })).toMatchObject({ written: true });
    const { rules: found } = await getLifecycle(r2, { bucket });
    expect(found.map(({ id }) => id)).toEqual(['Default Multipart Abort Rule', 'previews', 'cold']);
    expect(found[1]).toEqual({ ...rules[0], enabled: true });
    expect(await putLifecycle(r2, { bucket, rules, mode: 'merge' })).toMatchObject({ written: false });
    await putLifecycle(r2, { bucket, rules: [], mode: 'replace' });
    expect(await getLifecycle(r2, { bucket })).toEqual({ rules: [], unknown: [] });
  });

  it('of CORS', async () => {
    const rule = {
      id: 'app',
      allowedOrigins: ['https://app.example'],
      allowedMethods: ['GET' as const, 'PUT' as const],
      allowedHeaders: ['content-type'],
      exposeHeaders: ['ETag'],
      maxAgeSeconds: 600,
    };
    expect(await putCors(r2, { bucket, rules: [rule], mode: 'merge' })).toMatchObject({ written: true, added: [rule] });
    expect(await getCors(r2, { bucket })).toEqual([rule]);
    await putCors(r2, { bucket, rules: [], mode: 'replace' });
    expect(await getCors(r2, { bucket })).toEqual([]);
  });

  it('of a bucket that is not there', async () => {
    await expect(getLifecycle(r2, { bucket: 'not-there' })).rejects.toMatchObject({ code: 'R2_NO_SUCH_BUCKET' });
  });
});

describe('settings on a server without any', () => {
  let plain: S3Server;

  beforeAll(async () => {
    plain = await startS3Server({ buckets: [bucket] });
  });
  afterAll(() => plain.stop());

  it('are told of in plain words', async () => {
    const client = new R2Client(plain.config);
    // One after the other: a rejection that nobody awaits yet fails the test by itself.
    for (const read of [() => getLifecycle(client, { bucket }), () => getCors(client, { bucket })]) {
      await expect(read()).rejects.toMatchObject({
        code: 'R2_NOT_SUPPORTED',
        message: expect.stringMatching(/this endpoint has no (?:lifecycle|CORS) settings/) as string,
      });
    }
  });
});
