import { boundRetryAfter } from '../../../src/clients/r2/s3/retry-after.js';

describe('boundRetryAfter', () => {
  it.each([
    ['retry-after', '3600', '5'],
    ['retry-after', '2', '2'],
    ['retry-after', 'Fri, 31 Dec 9999 23:59:59 GMT', '5'],
    ['retry-after', 'Thu, 01 Jan 1970 00:00:00 GMT', '0'],
    ['retry-after', 'soon', undefined],
    ['x-amz-retry-after', '3600000', '5000'],
    ['x-amz-retry-after', '10', '10'],
  ])('makes of %s: %s %s', (name, value, expected) => {
    expect(boundRetryAfter({ [name]: value, etag: 'e' })).toEqual({
      etag: 'e',
      ...(expected !== undefined && { [name]: expected }),
    });
  });
});
