import { CloudflareClientError } from '../../errors.js';

/**
 * A chunk of a caller's stream as bytes.
 *
 * @throws {CloudflareClientError} `INVALID_VALUE` for a stream that does not hold bytes.
 */
export function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new CloudflareClientError(
    'INVALID_VALUE',
    `body is a stream of ${typeof chunk} chunks; it must hold bytes (text goes through a TextEncoderStream).`,
  );
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
