const SIGNS = { passed: '✓', failed: '✗', skipped: '–' };
const COLORS = { passed: '\u001b[32m', failed: '\u001b[31m', skipped: '\u001b[90m' };
const RESET = '\u001b[0m';

/** Prints steps as rows of one table while they happen; the widths come from the names, which are known beforehand. */
export class Table {
  #nameWidth;
  #write;
  #color;

  constructor(names, { write = (line) => console.log(line), color = process.stdout.isTTY === true } = {}) {
    this.#nameWidth = Math.max(4, ...names.map((name) => name.length));
    this.#write = write;
    this.#color = color && process.env.NO_COLOR === undefined;
  }

  head() {
    this.#write(`  ${'step'.padEnd(this.#nameWidth)}  ${'ms'.padStart(5)}  what happened`);
    this.#write(`  ${'-'.repeat(this.#nameWidth)}  -----  ${'-'.repeat(60)}`);
  }

  row({ name, outcome, detail, ms }) {
    const sign = this.#color ? `${COLORS[outcome]}${SIGNS[outcome]}${RESET}` : SIGNS[outcome];
    this.#write(`${sign} ${name.padEnd(this.#nameWidth)}  ${String(ms).padStart(5)}  ${detail}`);
  }

  summary({ ok, steps }, totalMs) {
    const passed = steps.filter(({ outcome }) => outcome === 'passed').length;
    const skipped = ok ? steps.length - passed : 0;
    const verdict = ok ? 'All is well' : 'FAILED';
    const rest = skipped === 0 ? '' : `, ${skipped} skipped`;
    this.#write('');
    this.#write(`${verdict}: ${passed} of ${steps.length} steps passed${rest} in ${(totalMs / 1000).toFixed(1)} s.`);
  }
}
