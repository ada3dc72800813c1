import { holdsDisposables } from '../providers/request-scope.js';
import { endScope, endScopeLater } from './scope-end.js';
import type { OpenedScope } from './scope-end.js';

/** How a response ends the scope that made it. */
export interface ResponseEndOptions {
  /**
   * The method of the request: nobody reads the body of an answer to `HEAD`.
   *
   * @default 'GET'
   */
  readonly method?: string;
  /**
   * Whether the runtime sends the response, and so reads or cancels its body.
   *
   * @default true
   */
  readonly isSent?: boolean;
}

interface Upgrade {
  readonly webSocket?: unknown;
}

/**
 * Disposes a scope when its response has been sent, or its reader has gone, and the background work is done. A scope that holds nothing to dispose
 * when the handler has its response costs nothing: that very response is returned. So it is where there is no body, for HEAD, and for the upgrade to a
 * WebSocket; there the scope lives as long as the socket, and is the handler's to dispose.
 *
 * @param opened the scope.
 * @param response what the handler answers with.
 * @param options what is known of the request.
 * @returns the response to send: the same status, headers and body.
 */
export function endWithResponse(opened: OpenedScope, response: Response, options: ResponseEndOptions): Response {
  if (!holdsDisposables(opened.scope) || isUpgrade(response)) return response;
  const { body } = response;
  if (body === null || body.locked || options.method === 'HEAD') {
    endScopeLater(opened);
    return response;
  }
  const { readable, ended } = endAfter(opened, body, response.headers);
  if (options.isSent ?? true) opened.work?.keepAlive(ended);
  return new Response(readable, response);
}

/**
 * As {@link endWithResponse}, for a stream alone.
 *
 * @param opened the scope.
 * @param stream bytes.
 * @returns the stream to hand on.
 */
export function endWithStream(opened: OpenedScope, stream: ReadableStream): ReadableStream {
  if (!holdsDisposables(opened.scope) || stream.locked) return stream;
  const { readable, ended } = endAfter(opened, stream);
  opened.work?.keepAlive(ended);
  return readable;
}

function endAfter(opened: OpenedScope, body: ReadableStream, headers?: Headers) {
  const { readable, writable } = passThrough(headers);
  const end = (): Promise<void> => endScope(opened);
  return { readable, ended: pump(body, writable).then(end, end) };
}

/** As `pipeTo`, which workerd has not for a body that comes out of a native pipe itself ("Inter-TransformStream ... is not implemented"). */
async function pump(body: ReadableStream, writable: WritableStream): Promise<void> {
  const reader: ReadableStreamDefaultReader<unknown> = body.getReader();
  const writer: WritableStreamDefaultWriter<unknown> = writable.getWriter();
  // Whoever reads may go while nothing is there to write.
  writer.closed.catch((reason: unknown) => reader.cancel(reason)).catch(() => undefined);
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) await writer.write(chunk.value);
    await writer.close();
  } catch (error) {
    await Promise.allSettled([writer.abort(error), reader.cancel(error)]);
  }
}

function isUpgrade(response: Response): boolean {
  return response.status === 101 || (response as Upgrade).webSocket != null;
}

interface Pipe {
  readonly readable: ReadableStream;
  readonly writable: WritableStream;
}

/** The runtime's own pipes, where it has them, move bytes without JavaScript, and one of known length keeps `Content-Length`. */
interface NativePipes {
  readonly IdentityTransformStream?: new () => Pipe;
  readonly FixedLengthStream?: new (length: number) => Pipe;
}

function passThrough(headers?: Headers): Pipe {
  const { FixedLengthStream, IdentityTransformStream = TransformStream } = globalThis as NativePipes;
  const length = headers?.get('Content-Length') ?? null;
  // What is encoded on the way out has another length than what is piped here.
  if (FixedLengthStream === undefined || length === null || headers?.has('Content-Encoding') === true) {
    return new IdentityTransformStream();
  }
  return new FixedLengthStream(Number(length));
}
