import { CloudflareClientError } from '../../../errors.js';
import { checkOptions } from '../check-options.js';
import { checkBytes, MAX_OBJECT_BYTES, MAX_PARTS, MAX_PUT_BYTES, MIN_PART_BYTES } from './upload-limits.js';

/** How a file is cut into parts. Plain data, so that it can travel to a browser, and be kept for a resume. */
export interface R2PartPlan {
  /** Bytes of the file. */
  readonly sizeBytes: number;
  /** Bytes of each part but the last: `file.slice((n - 1) * partSizeBytes, n * partSizeBytes)` is part `n`. */
  readonly partSizeBytes: number;
  /** From 1 to 10,000. */
  readonly partCount: number;
  /** Bytes of the last part: from 1 to `partSizeBytes`. */
  readonly lastPartSizeBytes: number;
}

const MIB = 1024 ** 2;
const DEFAULT_PART_BYTES = 16 * MIB;

/**
 * Cuts a file into parts as R2 asks for: all of one size but the last, which is not larger; 5 MiB to 4.995 GiB each; 10,000
 * at most. R2 refuses at completion what breaks this (https://developers.cloudflare.com/r2/objects/multipart-objects/).
 *
 * @param sizeBytes the size of the file: an integer from 1 to 4.995 TiB. An empty file is uploaded in one request.
 * @param partSizeBytes the size that is wanted; made larger, to a whole MiB, where the file would have more than 10,000 parts.
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function planParts(sizeBytes: number, partSizeBytes: number = DEFAULT_PART_BYTES): R2PartPlan {
  checkBytes('sizeBytes', sizeBytes, { min: 1, max: MAX_OBJECT_BYTES });
  checkBytes('partSizeBytes', partSizeBytes, { min: MIN_PART_BYTES, max: MAX_PUT_BYTES });
  const least = Math.ceil(sizeBytes / MAX_PARTS / MIB) * MIB;
  const size = partSizeBytes * MAX_PARTS >= sizeBytes ? partSizeBytes : least;
  const partCount = Math.ceil(sizeBytes / size);
  return { sizeBytes, partSizeBytes: size, partCount, lastPartSizeBytes: sizeBytes - (partCount - 1) * size };
}

/**
 * The size of one part of a plan.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION` when the plan has no such part, or is none that `planParts` made.
 */
export function plannedLength(plan: R2PartPlan, partNumber: number): number {
  // It may come back from a browser.
  const { sizeBytes, partSizeBytes, partCount, lastPartSizeBytes } = checkOptions(plan, 'plan');
  const sound = planParts(sizeBytes, partSizeBytes);
  const isSound =
    sound.partSizeBytes === partSizeBytes &&
    sound.partCount === partCount &&
    sound.lastPartSizeBytes === lastPartSizeBytes;
  if (!isSound) {
    throw new CloudflareClientError('INVALID_OPTION', 'plan is not one that planParts made.');
  }
  if (partNumber <= partCount) return partNumber === partCount ? lastPartSizeBytes : partSizeBytes;
  throw new CloudflareClientError('INVALID_OPTION', `plan has ${partCount} parts, and no part ${partNumber}.`);
}
