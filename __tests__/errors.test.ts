import { CloudflareClientError, isCloudflareClientError } from '../src/errors.js';

describe('CloudflareClientError', () => {
  it('carries a code, a message and the cause', () => {
    const cause = new Error('KV GET failed: 500');
    const error = new CloudflareClientError('KV_READ_FAILED', 'KV read failed.', { cause });
    expect(error).toMatchObject({ name: 'CloudflareClientError', code: 'KV_READ_FAILED', cause });
    expect(error).toBeInstanceOf(Error);
  });
});

describe('isCloudflareClientError', () => {
  it('accepts our errors, and only those of the code when one is given', () => {
    const error = new CloudflareClientError('INVALID_KEY', 'no');
    expect(isCloudflareClientError(error)).toBe(true);
    expect(isCloudflareClientError(error, 'INVALID_KEY')).toBe(true);
    expect(isCloudflareClientError(error, 'INVALID_TTL')).toBe(false);
  });

  it('refuses everything else', () => {
    for (const other of [new Error('x'), null, undefined, 'INVALID_KEY', { code: 'INVALID_KEY' }]) {
      expect(isCloudflareClientError(other)).toBe(false);
    }
  });
});
