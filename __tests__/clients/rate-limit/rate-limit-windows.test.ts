import type { Window } from '../../../src/clients/rate-limit/rate-limit-windows.js';
import { mergeWindow, Windows } from '../../../src/clients/rate-limit/rate-limit-windows.js';

const windowUntil = (resetAt: number): Window => ({
  count: 1,
  resetAt,
  isDirty: false,
  writtenAt: 0,
  delayedUntil: 0,
  ignoredUntil: -Infinity,
  readAt: 0,
  blockedUntil: 0,
});

function filled(resetAt: (index: number) => number): Windows {
  const windows = new Windows();
  for (let index = 0; index < 10_000; index += 1) windows.keep(`k${index}`, windowUntil(resetAt(index)), 0);
  return windows;
}

function kept(windows: Windows): number {
  return Array.from({ length: 10_001 }, (_, index) => windows.find(`k${index}`)).filter(Boolean).length;
}

describe('Windows', () => {
  test('drops the windows that are over when it is full', () => {
    const windows = filled((index) => (index % 2 === 0 ? 50 : 200));
    windows.keep('k10000', windowUntil(200), 100);
    expect(kept(windows)).toBe(5001);
    expect(windows.find('k0')).toBeUndefined();
    expect(windows.find('k1')).toBeDefined();
  });

  test('drops what was not used for longest when all are live, and never grows beyond 10,000', () => {
    const windows = filled(() => 200);
    windows.keep('k0', windowUntil(200), 100);
    windows.keep('k10000', windowUntil(200), 100);
    expect(kept(windows)).toBe(9001);
    expect(windows.find('k0')).toBeDefined();
    expect(windows.find('k1')).toBeUndefined();
    expect(windows.find('k10000')).toBeDefined();
  });
});

describe('mergeWindow', () => {
  const record = { count: 5, resetAt: 86_400_000, at: 1000 };

  test('believes a record that was counted under a longer rule only as long as the rule of now lasts', () => {
    expect(mergeWindow(undefined, record, 2000, 60_000)).toMatchObject({ count: 5, resetAt: 61_000 });
    expect(mergeWindow(undefined, record, 61_000, 60_000)).toMatchObject({ count: 0, resetAt: 121_000 });
  });

  test('shortens a live window of a longer rule, and one from before the clock went back', () => {
    expect(mergeWindow(windowUntil(86_400_000), undefined, 2000, 60_000).resetAt).toBe(62_000);
    expect(mergeWindow(windowUntil(3_660_000), undefined, 0, 60_000).resetAt).toBe(60_000);
  });

  test('forgets what it counted when its record is gone, once KV cannot be stale any more', () => {
    const counted = () => ({ ...windowUntil(900_000), count: 5, writtenAt: 1000 });
    expect(mergeWindow(counted(), 'absent', 121_000, 900_000)).toMatchObject({ count: 5 });
    expect(mergeWindow(counted(), 'absent', 121_001, 900_000)).toMatchObject({ count: 0, resetAt: 1_021_001 });
    expect(mergeWindow({ ...counted(), isDirty: true }, 'absent', 121_001, 900_000)).toMatchObject({ count: 5 });
    expect(mergeWindow(counted(), undefined, 121_001, 900_000)).toMatchObject({ count: 5 });
  });

  test('keeps the end of a live window of its own rule', () => {
    expect(mergeWindow(windowUntil(30_000), record, 2000, 60_000)).toMatchObject({ count: 5, resetAt: 30_000 });
  });
});
