import { ExactLengthBody } from './exact-length-body.js';
import { inSlices } from './slices.js';

/** The body of a request as `fetch` takes it. */
export interface RequestBody {
  readonly init: BodyInit | undefined;
  /** Bytes of a body that is streamed; `undefined` for one whose length `fetch` knows itself. */
  readonly bytes: number | undefined;
  /** The guard of a source that may fail or have another length. */
  readonly exact: ExactLengthBody | undefined;
}

/** Up to this many bytes go to `fetch` at once: the kernel buffers about as much anyway. */
const STREAMED_ABOVE_BYTES = 262_144;

/**
 * Makes the body of one attempt. Whatever is large is streamed, because only of a stream can be seen that it moves on;
 * bytes and Blobs are streamed anew for each attempt, a stream is there for one.
 *
 * @param body what the SDK has: text, bytes, a `Blob` or a stream.
 * @param announced the length of a stream.
 * @param onProgress called whenever the network asks for more, with the number of bytes that it got.
 */
export function requestBody(body: unknown, announced: number, onProgress: (bytes: number) => void): RequestBody {
  if (body instanceof ReadableStream) return exactBody(body, announced, onProgress);
  if (body instanceof Blob && body.size > 0) return exactBody(body.stream(), body.size, onProgress);
  const bytes = typeof body === 'string' && body.length > STREAMED_ABOVE_BYTES ? new TextEncoder().encode(body) : body;
  if (bytes instanceof Uint8Array && bytes.byteLength > STREAMED_ABOVE_BYTES) {
    const length = bytes.byteLength;
    return { init: withLength(inSlices(bytes, onProgress), length), bytes: length, exact: undefined };
  }
  return { init: bytes as BodyInit | undefined, bytes: undefined, exact: undefined };
}

function exactBody(source: ReadableStream, bytes: number, onProgress: (bytes: number) => void): RequestBody {
  const exact = new ExactLengthBody(source, bytes, onProgress);
  return { init: withLength(exact.stream, bytes), bytes, exact };
}

/** workerd sends `Content-Length` only for streams of its own that know their length; undici takes it from the header. */
export function withLength(stream: ReadableStream<Uint8Array>, bytes: number): ReadableStream<Uint8Array> {
  if (typeof FixedLengthStream === 'undefined') return stream;
  return stream.pipeThrough(new FixedLengthStream(bytes));
}
