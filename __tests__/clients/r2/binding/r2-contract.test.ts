import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { r2ClientContract } from '../../../../src/testing/r2-contract.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';

const BUCKET = 'contract-bucket';

describe.each(['over S3', 'by a binding'])('an R2Client in Node, %s', (way) => {
  let server: S3Server;
  let r2: R2Client;

  beforeAll(async () => {
    server = await startS3Server({ buckets: [BUCKET] });
    r2 =
      way === 'over S3'
        ? new R2Client(server.config)
        : new R2Client({ bindings: { [BUCKET]: await server.binding(BUCKET) } });
  });
  afterAll(() => server.stop());

  // Miniflare's proxy of a binding asks for each property of each object in a call of its own, which takes minutes for a
  // thousand; inside workerd it runs on the binding itself.
  const isSlow = (name: string): boolean => way === 'by a binding' && name.includes('more than one page');

  test.each(r2ClientContract.filter(({ name }) => !isSlow(name)))('$name', ({ run }) => run(r2, BUCKET), 120_000);
});
