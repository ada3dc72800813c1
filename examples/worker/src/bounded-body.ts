import { HttpError } from './http-error.js';

/** Bytes of a body that is read into memory, at most. */
export const MAX_BODY_BYTES = 65_536;

/**
 * Reads a body into memory, and not more of it than is allowed: anybody may send 100 MB, and an isolate has 128.
 *
 * @throws {HttpError} 413.
 */
export async function readBytes(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Whoever sends in chunks tells no length.
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}

function tooLarge(): HttpError {
  return new HttpError(413, 'This is too much: a body may have 64 KiB.');
}
