import { holdsDisposables } from '../providers/request-scope.js';
import { lengthOf } from './body-length.js';
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
 * @returns the response to send: the same status, headers and body, of the same length where the runtime knows it.
 */
export function endWithResponse(opened: OpenedScope, response: Response, options: ResponseEndOptions): Response {
  if (!holdsDisposables(opened.scope) || isUpgrade(response)) return response;
  // What is no response is the runtime's to refuse.
  const body = (response as Response | undefined)?.body;
  if (body == null || body.locked || options.method === 'HEAD') {
    endScopeLater(opened);
    return response;
  }
  const pipe = pipeFor(body);
  const piped = withBody(pipe.readable, response);
  if (piped === undefined) {
    endScopeLater(opened);
    return response;
  }
  const ended = endAfter(opened, body, pipe);
  if (options.isSent ?? true) opened.work?.keepAlive(ended);
  return piped;
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
  const pipe = pipeFor(stream);
  opened.work?.keepAlive(endAfter(opened, stream, pipe));
  return pipe.readable;
}

/** A response that was fetched can have a status that none can be made with: it is sent as it is. */
function withBody(body: ReadableStream, response: Response): Response | undefined {
  try {
    return new Response(body, response);
  } catch {
    return undefined;
  }
}

function endAfter(opened: OpenedScope, body: ReadableStream, { writable, length }: Pipe): Promise<void> {
  const end = (): Promise<void> => endScope(opened);
  return pump(openSource(body, length), writable).then(end, end);
}

interface Source {
  read(): Promise<{ readonly done: boolean; readonly value?: unknown }>;
  cancel(reason: unknown): Promise<void>;
}

const MOST_CHUNK_BYTES = 65_536;

/**
 * The runtime's own streams give 4 KiB a read unless they are handed a buffer, which makes a large body several times as slow. Streams of JavaScript are
 * not handed one: many that could take it forget to give it back when they end.
 */
function openSource(body: ReadableStream, length: number | undefined): Source {
  if (length === undefined) return body.getReader() as Source;
  const reader = body.getReader({ mode: 'byob' });
  const chunkBytes = Math.max(1, Math.min(length, MOST_CHUNK_BYTES));
  return {
    read: () => reader.read(new Uint8Array(chunkBytes)),
    cancel: (reason) => reader.cancel(reason),
  };
}

/** As `pipeTo`, which workerd has not for a body that comes out of a native pipe itself ("Inter-TransformStream ... is not implemented"), and which is lost then. */
async function pump(source: Source, writable: WritableStream): Promise<void> {
  const writer: WritableStreamDefaultWriter<unknown> = writable.getWriter();
  // Whoever reads may go while nothing is there to write.
  writer.closed.catch((reason: unknown) => source.cancel(reason)).catch(() => undefined);
  try {
    for (let chunk = await source.read(); !chunk.done; chunk = await source.read()) await writer.write(chunk.value);
    await writer.close();
  } catch (error) {
    await Promise.allSettled([writer.abort(error), source.cancel(error)]);
  }
}

function isUpgrade(response: Response | undefined): boolean {
  return response?.status === 101 || (response as Upgrade | undefined)?.webSocket != null;
}

interface Pipe {
  readonly readable: ReadableStream;
  readonly writable: WritableStream;
  readonly length?: number | undefined;
}

/** The runtime's own pipes, where it has them, queue nothing, and one of known length is sent with `Content-Length`. */
interface NativePipes {
  readonly IdentityTransformStream?: new () => Pipe;
  readonly FixedLengthStream?: new (length: number) => Pipe;
}

function pipeFor(body: ReadableStream): Pipe {
  const { FixedLengthStream, IdentityTransformStream = TransformStream } = globalThis as NativePipes;
  const length = FixedLengthStream && lengthOf(body);
  const { readable, writable } =
    FixedLengthStream === undefined || length === undefined
      ? new IdentityTransformStream()
      : new FixedLengthStream(length);
  return { readable, writable, length };
}
