import { displayWidth, fit, formatBytes, formatCount, formatSeconds } from './display.js';
import type { CliStream } from './io.js';

/** How far a piece of work is. */
export interface ProgressState {
  readonly label: string;
  readonly done: number;
  /** `null` while nobody knows. */
  readonly total: number | null;
  readonly unit: 'bytes' | 'items';
  /** Milliseconds since it began. */
  readonly elapsedMs: number;
}

/** Shown while work goes on. */
export interface Progress {
  update(done: number, total: number | null): void;
  /** Takes the line away. */
  end(): void;
}

const FRAME_MS = 100;
const MIN_BAR_COLUMNS = 8;
const MAX_BAR_COLUMNS = 40;
const MIN_LABEL_COLUMNS = 6;
// The time left is a guess; before this it is a wild one.
const ESTIMATE_AFTER_MS = 2000;
const CLEAR_LINE = '\r\u001b[2K';

/** Shows nothing: for pipes, files and `--json`. */
export const NO_PROGRESS: Progress = { update: () => undefined, end: () => undefined };

/** One line that is drawn again, ten times a second at most. */
export class ProgressLine implements Progress {
  readonly #stream: CliStream;
  readonly #now: () => number;
  readonly #what: Pick<ProgressState, 'label' | 'unit'>;
  readonly #startedAt: number;
  #drawnAt = -Infinity;

  constructor(stream: CliStream, now: () => number, what: Pick<ProgressState, 'label' | 'unit'>) {
    this.#stream = stream;
    this.#now = now;
    this.#what = what;
    this.#startedAt = now();
  }

  /** Draws the line, unless it was drawn a moment ago. */
  update(done: number, total: number | null): void {
    const now = this.#now();
    if (now - this.#drawnAt < FRAME_MS) return;
    this.#drawnAt = now;
    const state = { ...this.#what, done, total, elapsedMs: now - this.#startedAt };
    // The width is asked for each time: a window is resized. The last column stays free: some terminals wrap there.
    this.#stream.write(CLEAR_LINE + progressText(state, (this.#stream.columns ?? 80) - 1));
  }

  /** Takes the line away, so that other text can stand there. */
  end(): void {
    if (this.#drawnAt !== -Infinity) this.#stream.write(CLEAR_LINE);
    this.#drawnAt = -Infinity;
  }
}

/**
 * A progress line of at most `columns`. What does not fit goes, in this order: the bar, the time, the rate, the end of the label.
 *
 * @example `Deleting media/creator1/  ██████████░░░░░░░░░░  50%  1,000/2,000  250/s  4s left`
 */
export function progressText(state: ProgressState, columns: number): string {
  const { done, total } = state;
  const percent = total === null || total === 0 ? '' : `${Math.min(100, Math.floor((done / total) * 100))}%`;
  const amount = amountOf(state);
  const details = [rateOf(state), timeOf(state)].filter((part) => part !== '');
  for (let kept = details.length; kept >= 0; kept -= 1) {
    const tail = [percent, amount, ...details.slice(0, kept)].filter((part) => part !== '').join('  ');
    const room = columns - displayWidth(tail) - 2;
    const label = fit(state.label, room);
    const bar = percent === '' ? '' : barText(done / (total ?? 1), room - displayWidth(label) - 2);
    const isCut = label !== state.label;
    if (kept > 0 && isCut) continue;
    if (room >= MIN_LABEL_COLUMNS) return [label, bar, tail].filter((part) => part !== '').join('  ');
  }
  return fit(percent === '' ? amount : percent, columns);
}

function amountOf({ done, total, unit }: ProgressState): string {
  const text = unit === 'bytes' ? formatBytes : formatCount;
  return total === null ? text(done) : `${text(done)}/${text(total)}`;
}

function rateOf({ done, unit, elapsedMs }: ProgressState): string {
  if (elapsedMs < 1000 || done === 0) return '';
  const perSecond = done / (elapsedMs / 1000);
  if (unit === 'bytes') return `${formatBytes(Math.round(perSecond))}/s`;
  return `${perSecond < 10 ? perSecond.toFixed(1) : formatCount(Math.round(perSecond))}/s`;
}

function timeOf({ done, total, elapsedMs }: ProgressState): string {
  if (elapsedMs < ESTIMATE_AFTER_MS) return '';
  if (total === null || done === 0) return formatSeconds(elapsedMs / 1000);
  return `${formatSeconds(((elapsedMs / done) * Math.max(0, total - done)) / 1000)} left`;
}

function barText(share: number, room: number): string {
  if (room < MIN_BAR_COLUMNS) return '';
  const columns = Math.min(room, MAX_BAR_COLUMNS);
  const full = Math.min(columns, Math.floor(Math.max(0, share) * columns));
  return '█'.repeat(full) + '░'.repeat(columns - full);
}
