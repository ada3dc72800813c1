import type { Exchange } from './client.js';
import type { Notes } from './notes.js';
import type { FaultKind } from './faults.js';

/** A run that is shorter may miss a kind by chance. */
const FULL_MINUTES = 0.7;

/**
 * What was injected and looked at, by name. A check that had nothing to look at holds as well, so each of these must be more than 0 in a run of
 * ordinary length.
 */
export function coverageOf(exchanges: readonly Omit<Exchange, 'body'>[], notes: Notes): Map<string, number> {
  const hit = (...kinds: FaultKind[]): number =>
    exchanges.reduce(
      (sum, { fate, injected }) => sum + (fate.fault !== null && kinds.includes(fate.fault.kind) ? injected : 0),
      0,
    );
  return new Map([
    ['KV errors', hit('kv-error')],
    ['KV hangs', hit('kv-hang')],
    ['object resets', hit('object-reset')],
    ['calls of objects lost', hit('object-lost', 'object-retryable', 'object-down')],
    ['R2 errors', hit('r2-error', 'r2-cut')],
    ['S3 answers of 500', notes.s3Faults.get('500') ?? 0],
    ['S3 connections cut', notes.s3Faults.get('cut') ?? 0],
    ['clients that left', exchanges.filter(({ outcome }) => outcome === 'cut').length],
    ['sessions ended', notes.endedAt.size],
    ['guesses let through', notes.accepted.length],
    ['publications', notes.published.length],
    ['uploads', notes.uploads.length],
    ['HLS files', notes.segments.length],
  ]);
}

/** Kinds of which a run of ordinary length had none. The two of S3 are few: one of them is enough. */
export function missingKinds(coverage: ReadonlyMap<string, number>, minutes: number): string[] {
  if (minutes < FULL_MINUTES) return [];
  const ofS3 = [...coverage].filter(([name]) => name.startsWith('S3'));
  const none = [...coverage].filter(([name, count]) => count === 0 && !name.startsWith('S3')).map(([name]) => name);
  return ofS3.every(([, count]) => count === 0) ? [...none, 'faults of S3'] : none;
}
