import { CloudflareClientError } from '../../../errors.js';

/**
 * A chunk of a caller's stream as bytes.
 *
 * @throws {CloudflareClientError} `INVALID_VALUE` for a stream that does not hold bytes.
 */
export function toBytes(chunk: unknown): Uint8Array {
  if (ArrayBuffer.isView(chunk)) {
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    // `fetch` takes no shared memory, and another thread may still write there.
    return isShared(chunk.buffer) ? bytes.slice() : bytes;
  }
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new CloudflareClientError(
    'INVALID_VALUE',
    `body is a stream of ${typeof chunk} chunks; it must hold bytes (text goes through a TextEncoderStream).`,
  );
}

function isShared(buffer: ArrayBufferLike): boolean {
  return Object.prototype.toString.call(buffer) === '[object SharedArrayBuffer]';
}

/** The error for a body that does not have the length that was promised. */
export function wrongLength(expectedBytes: number, receivedBytes: number, ended: boolean): CloudflareClientError {
  const found = ended ? `ended after ${receivedBytes}` : `has at least ${receivedBytes}`;
  return new CloudflareClientError(
    'INVALID_VALUE',
    `body ${found} bytes, and contentLength says ${expectedBytes}; nothing was stored.`,
  );
}

/** A failure of the caller's own stream, as an error of ours with the stream's error as its cause. */
export function sourceFailure(error: unknown): CloudflareClientError {
  if (error instanceof CloudflareClientError) return error;
  return new CloudflareClientError('R2_FAILED', 'The body stream failed before its end; nothing was stored.', {
    cause: error,
  });
}
