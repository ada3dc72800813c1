import { R2Client } from '../../../src/clients/r2/r2-client.js';

const cause = new Error('No such module');
jest.mock('../../../src/clients/r2/s3/s3-sdk.js', () => {
  throw cause;
});

describe('without the AWS SDK', () => {
  it('every operation says that it could not be loaded', async () => {
    const r2 = new R2Client({ accountId: 'a1', accessKeyId: 'AKID', secretAccessKey: 'secret' });
    await expect(r2.headFile({ bucket: 'media', key: 'k' })).rejects.toMatchObject({
      code: 'R2_FAILED',
      message: 'R2: the AWS SDK could not be loaded.',
      cause,
    });
  });
});
