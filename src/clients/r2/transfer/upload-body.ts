import { CloudflareClientError } from '../../../errors.js';
import { sourceFailure, toBytes, wrongLength } from '../s3/body-source.js';
import { shown } from '../object-names.js';
import type { Md5 } from './md5.js';
import type { R2UploadOptions } from './upload-options.js';

/** A stream and its length, when that is known. */
export interface StreamBody {
  readonly stream: ReadableStream;
  readonly length: number | undefined;
}

/** R2's bound on an object, 4.995 TiB (https://developers.cloudflare.com/r2/platform/limits/). */
const MAX_OBJECT_BYTES = Math.floor(4.995 * 1024 ** 4);

/**
 * The body as it is sent, checked as far as that goes without reading it.
 *
 * @throws {CloudflareClientError} `INVALID_VALUE`, `INVALID_OPTION` (`contentLength`)
 */
export function uploadBody({ body, contentLength }: R2UploadOptions): Uint8Array | Blob | StreamBody {
  if (contentLength !== undefined && !(Number.isSafeInteger(contentLength) && contentLength >= 0)) {
    throw new CloudflareClientError(
      'INVALID_OPTION',
      `contentLength ${shown(contentLength)} must be an integer from 0.`,
    );
  }
  const source = body instanceof ReadableStream ? toStreamBody(body, contentLength) : toSizedBody(body);
  const length = knownLength(source);
  if (contentLength !== undefined && length !== contentLength) throw wrongLength(contentLength, length ?? 0, true);
  if (length !== undefined && length > MAX_OBJECT_BYTES) {
    throw new CloudflareClientError(
      'INVALID_VALUE',
      `body is ${length} bytes long; ${MAX_OBJECT_BYTES} is R2's bound.`,
    );
  }
  return source;
}

/** Bytes of a body; `undefined` when only its end will tell. */
export function knownLength(source: Uint8Array | Blob | StreamBody): number | undefined {
  if (source instanceof Uint8Array) return source.byteLength;
  return source instanceof Blob ? source.size : source.length;
}

/** A stream that is hashed on its way. */
export function hashed(stream: ReadableStream, md5: Md5): ReadableStream {
  const reader: ReadableStreamDefaultReader<unknown> = stream.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read().catch((error: unknown) => {
          throw sourceFailure(error);
        });
        if (done) {
          controller.close();
          return;
        }
        const bytes = toBytes(value);
        await md5.update(bytes);
        controller.enqueue(bytes);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

function toStreamBody(stream: ReadableStream, length: number | undefined): StreamBody {
  if (!stream.locked) return { stream, length };
  throw new CloudflareClientError('INVALID_VALUE', 'body is a stream that somebody else is reading (it is locked).');
}

function toSizedBody(body: unknown): Uint8Array | Blob {
  if (typeof body === 'string') return new TextEncoder().encode(body);
  if (body instanceof Blob) return body;
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return toBytes(body);
  throw new CloudflareClientError(
    'INVALID_VALUE',
    `body is ${body === null ? 'null' : typeof body}; it must be a string, bytes, a Blob or a web ReadableStream (Readable.toWeb makes one of a Node stream).`,
  );
}
