import { IdleTimer } from '../../../src/clients/r2/s3/idle-timer.js';

describe('IdleTimer', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('fires after silence, which each restart begins anew', () => {
    const onIdle = jest.fn();
    const timer = new IdleTimer(100, onIdle);
    timer.restart();
    jest.advanceTimersByTime(99);
    timer.restart();
    jest.advanceTimersByTime(99);
    expect(onIdle).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(onIdle).toHaveBeenCalledTimes(1);
  });

  it('leaves no timer behind once it is stopped, also when something moves later', () => {
    const timer = new IdleTimer(100, jest.fn());
    timer.restart();
    timer.stop();
    timer.restart();
    expect(jest.getTimerCount()).toBe(0);
  });
});
