import { createHmac } from 'node:crypto';
import { timedHmacToken, type TimedHmacOptions } from '../../../../src/clients/r2/hls/timed-hmac.js';

const NOW = 1_484_063_787_999;

describe('timedHmacToken', () => {
  it('is what the generator of Cloudflare’s documentation makes', () => {
    // That generator: base64 of HMAC-SHA-256 over message and seconds, the escaped code behind the seconds and a hyphen.
    for (const message of ['/images/cat.jpg', '/c1/hls/m%201/', '/ü/']) {
      const code = createHmac('sha256', 'mysecrettoken').update(`${message}1484063787`).digest('base64');
      expect(timedHmacToken({ secret: 'mysecrettoken', message, now: () => NOW })).toBe(
        `1484063787-${encodeURIComponent(code)}`,
      );
    }
    expect(timedHmacToken({ secret: 'mysecrettoken', message: '/images/cat.jpg', now: () => NOW })).toBe(
      '1484063787-XsZ5NmtNBxOd4f4fBOtqVmpWRnDRNkHKVZieqDPKu3U%3D',
    );
  });

  it('is dated by the clock when it is told no other', () => {
    const [seconds] = timedHmacToken({ secret: 's', message: '/' }).split('-');
    expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(60);
  });

  it.each([
    [{ secret: '' }],
    [{ message: '' }],
    [{ secret: 7 }],
    [{ message: undefined }],
    [{ now: () => NaN }],
    [{ now: () => -1 }],
    [{ now: () => 'x' }],
  ])('refuses %j', (wrong) => {
    const options = { secret: 'a-secret', message: '/', ...wrong } as unknown as TimedHmacOptions;
    expect(() => timedHmacToken(options)).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: expect.not.stringContaining('a-secret') as string,
      }) as Error,
    );
  });
});
