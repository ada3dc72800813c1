import { CloudflareClientError } from '../../../errors.js';
import type { StoredPart } from '../store/object-store.js';

/** How far an upload in parts has come: plain data, which a later call goes on from. */
export interface R2UploadCheckpoint {
  /** The server's name of the upload. */
  readonly uploadId: string;
  /** Bytes of each part but the last. */
  readonly partSizeBytes: number;
  /** The parts that the server has. Where it can list them itself (R2's S3 API), its own list counts. @default none */
  readonly parts?: readonly CheckpointPart[] | undefined;
}

/** A part that the server has. */
export interface CheckpointPart extends StoredPart {
  /** Of its content, in hexadecimal: the tags of R2's parts do not say what is in them. @default not known */
  readonly md5?: string | undefined;
}

/**
 * Refuses what is no checkpoint.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function checkpointOption(resume: R2UploadCheckpoint | undefined): R2UploadCheckpoint | undefined {
  if (resume === undefined) return undefined;
  const { uploadId, partSizeBytes, parts = [] } = (resume as Partial<R2UploadCheckpoint> | null) ?? {};
  const right =
    typeof uploadId === 'string' &&
    uploadId !== '' &&
    typeof partSizeBytes === 'number' &&
    Number.isSafeInteger(partSizeBytes) &&
    partSizeBytes > 0 &&
    Array.isArray(parts) &&
    parts.every(isPart);
  if (right) return resume;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    'resume must be what onCheckpoint was called with: { uploadId, partSizeBytes, parts? }.',
  );
}

/**
 * Refuses parts that were cut in another size: what is sent now would not fit in with them.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function checkPartSizes(parts: readonly StoredPart[], { uploadId, partSizeBytes }: R2UploadCheckpoint): void {
  const last = Math.max(...parts.map(({ partNumber }) => partNumber));
  const wrong = parts.find(
    ({ partNumber, size = partSizeBytes }) => size > partSizeBytes || (partNumber !== last && size !== partSizeBytes),
  );
  if (wrong === undefined) return;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `resume: part ${wrong.partNumber} of the upload ${JSON.stringify(uploadId)} has ${wrong.size ?? 0} bytes, and partSizeBytes is ${partSizeBytes}.`,
  );
}

function isPart(part: unknown): boolean {
  const { partNumber, etag, size, md5 } = (part as Partial<CheckpointPart> | null) ?? {};
  return (
    Number.isSafeInteger(partNumber) &&
    typeof etag === 'string' &&
    (size === undefined || Number.isSafeInteger(size)) &&
    (md5 === undefined || typeof md5 === 'string')
  );
}
