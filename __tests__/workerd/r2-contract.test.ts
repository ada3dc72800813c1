import type { Miniflare } from 'miniflare';
import { r2ClientContract } from '../../src/testing/r2-contract.js';
import { startS3Server, type S3Server } from '../support/s3-server.js';
import { startWorker } from '../support/worker.js';

const names = r2ClientContract.map(({ name }, index) => [name, index] as const);

describe.each(['/s3', '/binding'])('an R2Client in a Worker, by %s', (way) => {
  let server: S3Server;
  let url: URL;
  let miniflare: Miniflare;

  beforeAll(async () => {
    server = await startS3Server({ buckets: ['contract-bucket'] });
    const { accountId, accessKeyId, secretAccessKey, endpoint } = server.config;
    const credentials = {
      R2_ACCOUNT_ID: accountId,
      R2_ACCESS_KEY_ID: accessKeyId,
      R2_SECRET_ACCESS_KEY: secretAccessKey,
    };
    const bindings = { R2_ENDPOINT: endpoint, ...credentials };
    ({ url, miniflare } = await startWorker('r2-contract-worker.ts', { bindings, r2Buckets: ['MEDIA'] }));
  });

  afterAll(async () => {
    await miniflare.dispose();
    await server.stop();
  });

  test.each(names)(
    '%s',
    async (name, index) => {
      // A connection that was idle for the length of a case may be closed just when it is used again.
      const response = await fetch(new URL(`${way}?case=${index}`, url), { headers: { connection: 'close' } });
      expect(await response.json()).toEqual([name, 'passed']);
    },
    120_000,
  );
});
