import { onAbort } from '../../../internal/on-abort.js';
import { ExactLengthBody } from '../s3/exact-length-body.js';
import { inSlices } from '../s3/slices.js';
import type { StoreBody } from './object-store.js';
import type { BindingAttempt } from './binding-call.js';

/** Up to this many bytes go over at once; of more it must be seen that they move on. */
const STREAMED_ABOVE_BYTES = 262_144;

/** What is sent, and how to tell afterwards what became of it. */
export interface BindingBody {
  /** For the binding: bytes, a Blob, or a stream that knows its length. */
  readonly value: unknown;
  /** The guard of a stream; has the failure when it was the stream's own. */
  readonly exact: ExactLengthBody | undefined;
}

/**
 * The body of one attempt as a binding takes it. The binding takes a stream only if the runtime knows its length; a stream
 * that is too long, too short or fails then stores nothing.
 *
 * @param body what the caller has; a stream is there for one attempt.
 * @param length bytes of it.
 * @param attempt told whenever something moved; its signal breaks the stream off.
 * @param onProgress called with the number of bytes that were taken.
 */
export async function bindingBody(
  body: StoreBody,
  length: number,
  attempt: BindingAttempt,
  onProgress: (bytes: number) => void,
): Promise<BindingBody> {
  if (!(body instanceof ReadableStream) && length <= STREAMED_ABOVE_BYTES) return { value: body, exact: undefined };
  const hasFixedLength = typeof FixedLengthStream !== 'undefined';
  // In Node a binding is a proxy of Miniflare's, which takes no streams: bytes and Blobs go as they are.
  if (!(body instanceof ReadableStream) && !hasFixedLength) return { value: body, exact: undefined };
  const exact = new ExactLengthBody(sourceOf(body), length, (bytes) => {
    attempt.onProgress();
    onProgress(bytes);
  });
  onAbort(attempt.signal, () => exact.abandon(attempt.signal.reason));
  if (!hasFixedLength) return { value: await collect(exact, length), exact };
  return { value: exact.stream.pipeThrough(new FixedLengthStream(length), { signal: attempt.signal }), exact };
}

function sourceOf(body: StoreBody): ReadableStream {
  if (body instanceof ReadableStream) return body;
  return body instanceof Blob ? body.stream() : inSlices(body, () => undefined);
}

async function collect(exact: ExactLengthBody, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  const reader = exact.stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return bytes;
    bytes.set(value, filled);
    filled += value.byteLength;
  }
}
