import fc from 'fast-check';
import { displayWidth, fit, formatBytes, formatCount, formatSeconds, printable, table } from '../../src/cli/display.js';
import type { CliStream } from '../../src/cli/io.js';
import { ProgressLine, progressText, type ProgressState } from '../../src/cli/progress.js';

const HALF: ProgressState = {
  label: 'Deleting media/creator1/',
  done: 1000,
  total: 2000,
  unit: 'items',
  elapsedMs: 4000,
};

describe('a progress line', () => {
  it.each([
    [120, `Deleting media/creator1/  ${'█'.repeat(20)}${'░'.repeat(20)}  50%  1,000/2,000  250/s  4s left`],
    [80, 'Deleting media/creator1/  ██████████░░░░░░░░░░  50%  1,000/2,000  250/s  4s left'],
    [64, 'Deleting media/creator1/  50%  1,000/2,000  250/s  4s left'],
    [50, 'Deleting media/creator1/  50%  1,000/2,000  250/s'],
    [44, 'Deleting media/creator1/  50%  1,000/2,000'],
    [30, 'Deleting med…  50%  1,000/2,000'.slice(0, 31)],
    [20, '50%'],
    [2, '5…'],
  ])('at %i columns', (columns, text) => {
    const line = progressText(HALF, columns);
    expect(displayWidth(line)).toBeLessThanOrEqual(columns);
    if (columns !== 30) expect(line).toBe(text);
    else expect(line).toMatch(/^Deletin.*… {2}50% {2}1,000\/2,000$/);
  });

  it('has no bar and no percentage while the total is unknown', () => {
    expect(progressText({ ...HALF, total: null }, 80)).toBe('Deleting media/creator1/  1,000  250/s  4s');
  });

  it('counts bytes as people do', () => {
    const state: ProgressState = { ...HALF, done: 3 * 1024 ** 2, total: 12 * 1024 ** 2, unit: 'bytes' };
    expect(progressText(state, 70)).toBe('Deleting media/creator1/  25%  3.0 MiB/12.0 MiB  768.0 KiB/s  12s left');
  });

  it('is never wider than the terminal, whatever the label', () => {
    const label = fc.string({ unit: 'grapheme', maxLength: 60 }).map(printable);
    const amounts = fc.record({ done: fc.nat(1e9), total: fc.option(fc.nat(1e9)), elapsedMs: fc.nat(1e7) });
    const property = fc.property(label, amounts, fc.integer({ min: 1, max: 200 }), (text, amount, columns) => {
      const line = progressText({ label: text, unit: 'bytes', ...amount }, columns);
      return displayWidth(line) <= columns;
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('is drawn ten times a second at most, and taken away in the end', () => {
    let time = 0;
    let text = '';
    const stream: CliStream = {
      write: (chunk) => void (text += chunk),
      drained: async () => {},
      isTTY: true,
      columns: 40,
      closed: false,
    };
    const line = new ProgressLine(stream, () => time, { label: 'Copying', unit: 'items' });
    for (time = 0; time < 1000; time += 10) line.update(time, 1000);
    expect(text.split('\u001b[2K')).toHaveLength(11);
    line.end();
    line.end();
    expect(text.endsWith('\r\u001b[2K')).toBe(true);
    expect(text.split('\u001b[2K')).toHaveLength(12);
  });
});

describe('what people read', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1_048_524, '1023.9 KiB'],
    [1_048_570, '1.0 MiB'],
    [5 * 1024 ** 4, '5.0 TiB'],
  ])('%i bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it('has counts and times in short', () => {
    expect([formatCount(999), formatCount(1_234_567)]).toEqual(['999', '1,234,567']);
    expect([5, 65, 7205, 190_000].map(formatSeconds)).toEqual(['5s', '1m05s', '2h00m', '2d']);
  });

  it('counts wide characters as two columns, combining ones as none', () => {
    expect([displayWidth('abc'), displayWidth('日本'), displayWidth('e\u0301')]).toEqual([3, 4, 1]);
    expect([fit('日本語', 5), fit('abc', 3), fit('abcd', 3), fit('abc', 0)]).toEqual(['日本…', 'abc', 'ab…', '']);
    expect(
      table(
        [
          ['日', 'x'],
          ['abc', 'y'],
        ],
        [false, false],
      ),
    ).toEqual(['日   x', 'abc  y']);
  });

  it('has no control character in it', () => {
    expect(printable('a\u001b[31mb\u0007\u202ec\nü')).toBe('a\\u001b[31mb\\u0007\\u202ec\\u000aü');
  });
});
