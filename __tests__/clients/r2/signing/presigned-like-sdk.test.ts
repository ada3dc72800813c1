import { GetObjectCommand, HeadObjectCommand, S3Client, UploadPartCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import fc from 'fast-check';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import type { R2ClientConfig } from '../../../../src/clients/r2/r2-config.js';
import { internalsOf } from '../../../../src/clients/r2/r2-internals.js';

const NOW = Date.UTC(2026, 10, 27, 12, 30, 15, 999);

const CONFIGS: Record<string, R2ClientConfig> = {
  'an R2 account': { accountId: 'a1b2c3', accessKeyId: 'AKID', secretAccessKey: 'secret' },
  'an endpoint with a path and a port': {
    accountId: 'a1b2c3',
    accessKeyId: 'AK/ID+=',
    secretAccessKey: 's/e+c=',
    endpoint: 'http://127.0.0.1:9000/cdn-cgi/a b/r2/',
  },
  'temporary credentials': {
    accountId: 'a1b2c3',
    accessKeyId: 'AKID',
    secretAccessKey: 'secret',
    sessionToken: 'token/+==',
    endpoint: 'https://s3.example:443',
  },
};

function sdkClient(config: R2ClientConfig): S3Client {
  const { accessKeyId, secretAccessKey, sessionToken } = config;
  return new S3Client({
    region: 'auto',
    endpoint: config.endpoint ?? `https://${config.accountId}.r2.cloudflarestorage.com`,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

const key = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom(...Array.from(' +%&?#=/\\!\'()*~:;,@$"<>|^`{}[].-_äß漢🎬\u00a0'), '%2F', '%41', '//'),
      fc.string({ minLength: 1, maxLength: 1 }),
    ),
    minLength: 1,
    maxLength: 40,
  })
  .filter(
    (text) => !/\p{Cc}|[\ufffe\uffff]/u.test(text) && !text.split('/').some((part) => part === '.' || part === '..'),
  );

const headerText = fc
  .string({ unit: fc.constantFrom(...Array.from('abc019 ;="\'()*!~/+%,.-_')), minLength: 1, maxLength: 30 })
  .filter((text) => text.trim() !== '');

describe.each(Object.entries(CONFIGS))('URLs signed with %s', (_name, config) => {
  const client = sdkClient(config);
  const r2 = new R2Client(config, { now: () => NOW });
  const signingDate = new Date(NOW);

  it('are those of the SDK, byte for byte, for any key, life and override', async () => {
    await fc.assert(
      fc.asyncProperty(
        key,
        fc.integer({ min: 1, max: 604_800 }),
        fc.record(
          {
            responseContentDisposition: headerText,
            responseContentType: headerText,
            responseCacheControl: headerText,
          },
          { requiredKeys: [] },
        ),
        async (name, expiresIn, overrides) => {
          const command = new GetObjectCommand({
            Bucket: 'media',
            Key: name,
            ResponseContentDisposition: overrides.responseContentDisposition,
            ResponseContentType: overrides.responseContentType,
            ResponseCacheControl: overrides.responseCacheControl,
          });
          const expected = await getSignedUrl(client, command, { expiresIn, signingDate });
          expect(await r2.getSignedUrl({ bucket: 'media', key: name, expiresIn, ...overrides })).toBe(expected);
          const many = r2.getSignedUrls({ bucket: 'media', keys: ['other', name], expiresIn, ...overrides });
          expect((await many)[1]).toBe(expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('are those of the SDK for the date of any clock', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 253_402_300_799_999 }), async (time) => {
        const clocked = new R2Client(config, { now: () => time });
        const options = { expiresIn: 60, signingDate: new Date(time) };
        const expected = await getSignedUrl(client, new GetObjectCommand({ Bucket: 'media', Key: 'k' }), options);
        expect(await clocked.getSignedUrl({ bucket: 'media', key: 'k', expiresIn: 60 })).toBe(expected);
      }),
      { numRuns: 50 },
    );
  });

  it('are those of the SDK for other requests, with signed headers', async () => {
    const { presigner } = internalsOf(r2);
    const head = new HeadObjectCommand({ Bucket: 'media', Key: 'k' });
    expect(presigner.presign({ method: 'HEAD', bucket: 'media', key: 'k', expiresIn: 60 })).toBe(
      await getSignedUrl(client, head, { expiresIn: 60, signingDate }),
    );
    const part = { Bucket: 'media', Key: 'k', UploadId: 'u/+ =', PartNumber: 3, ContentLength: 5 };
    expect(
      presigner.presign({
        method: 'PUT',
        bucket: 'media',
        key: 'k',
        query: { 'x-id': 'UploadPart', uploadId: 'u/+ =', partNumber: '3' },
        headers: { 'Content-Length': '5' },
        expiresIn: 60,
      }),
    ).toBe(await getSignedUrl(client, new UploadPartCommand(part), { expiresIn: 60, signingDate }));
  });
});
