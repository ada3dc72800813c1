import type { ByteRange } from '../store/object-store.js';

/** Some bytes of an object whose size is known. */
export interface ResolvedRange {
  readonly offset: number;
  /** From 1. */
  readonly length: number;
}

const SINGLE_RANGE = /^bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i;

/**
 * Reads a `Range` header (RFC 9110, 14.1.2).
 *
 * @returns `null` when it is to be ignored, as the RFC allows: none, malformed, of another unit, of several ranges.
 */
export function parseRange(header: string | null): ByteRange | null {
  const [, first = '', last = ''] = SINGLE_RANGE.exec(header ?? '') ?? [];
  if (first === '') return last === '' ? null : { suffix: bounded(last) };
  const offset = bounded(first);
  if (last === '') return { offset };
  return Number(last) < Number(first) ? null : { offset, length: bounded(last) - offset + 1 };
}

/**
 * What a range means in an object of `size` bytes.
 *
 * @returns `null` when it has no byte of it: the answer is 416.
 */
export function resolveRange(range: ByteRange, size: number): ResolvedRange | null {
  const offset = 'suffix' in range ? Math.max(size - range.suffix, 0) : range.offset;
  const most = 'suffix' in range ? range.suffix : (range.length ?? Infinity);
  const length = Math.min(most, size - offset);
  return length > 0 ? { offset, length } : null;
}

/** Beyond this, numbers are no longer exact, and no object is as large. */
function bounded(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER - 1);
}
