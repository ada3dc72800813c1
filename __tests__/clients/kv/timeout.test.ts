import { withTimeout } from '../../../src/clients/kv/timeout.js';
import { codeOf, deferred } from '../../support/kv.js';

describe('withTimeout', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('passes on the value and leaves no timer', async () => {
    await expect(withTimeout(Promise.resolve(1), 100, 'read')).resolves.toBe(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('passes on the rejection as it is and leaves no timer', async () => {
    const error = new Error('down');
    await expect(withTimeout(Promise.reject(error), 100, 'read')).rejects.toBe(error);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('starts no timer for an answer that is there at once', async () => {
    const setTimer = jest.spyOn(globalThis as unknown as { setTimeout: () => void }, 'setTimeout');
    await withTimeout(Promise.resolve(1), 100, 'read');
    expect(setTimer).not.toHaveBeenCalled();
    setTimer.mockRestore();
  });

  test('stops its timer when the answer comes later', async () => {
    const { promise, resolve } = deferred<number>();
    const answer = withTimeout(promise, 100, 'read');
    await jest.advanceTimersByTimeAsync(50);
    expect(jest.getTimerCount()).toBe(1);
    resolve(1);
    expect(await answer).toBe(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('cuts off what hangs with KV_TIMEOUT', async () => {
    const code = codeOf(() => withTimeout(new Promise(() => undefined), 100, 'read'));
    await jest.advanceTimersByTimeAsync(100);
    expect(await code).toBe('KV_TIMEOUT');
  });

  test('takes care of a rejection that comes after the cut', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    const { promise, reject } = deferred();
    const code = codeOf(() => withTimeout(promise, 100, 'read'));
    await jest.advanceTimersByTimeAsync(100);
    expect(await code).toBe('KV_TIMEOUT');
    reject(new Error('late'));
    jest.useRealTimers();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});
