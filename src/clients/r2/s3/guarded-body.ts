import { CloudflareClientError, type ErrorCode } from '../../../errors.js';
import { IdleTimer } from './idle-timer.js';

/** What a response body is held to. */
export interface BodyGuard {
  /** `GET /bucket/key`, for messages. */
  readonly request: string;
  /** What `Content-Length` promised; `null` when nothing did. */
  readonly expectedBytes: number | null;
  /** Milliseconds that one read may take. */
  readonly timeoutMs: number;
  /** Gives the connection up. */
  readonly abort: () => void;
}

/**
 * A response body that never ends quietly before its time: a cut connection, a stalled one and a wrong length are errors.
 * It reads only what is asked of it.
 */
export function guardBody(source: ReadableStream<Uint8Array>, guard: BodyGuard): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let receivedBytes = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await readInTime(reader, guard, receivedBytes);
        receivedBytes += value?.byteLength ?? 0;
        if (done || (guard.expectedBytes !== null && receivedBytes > guard.expectedBytes)) {
          checkLength(receivedBytes, guard);
        }
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

async function readInTime(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  guard: BodyGuard,
  receivedBytes: number,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  let onIdle: () => void = () => undefined;
  const idle = new Promise<never>((_resolve, reject) => {
    onIdle = () => {
      reject(transferError('R2_TIMEOUT', `R2 ${guard.request}: no byte arrived for ${guard.timeoutMs} ms.`));
      guard.abort();
    };
  });
  const timer = new IdleTimer(guard.timeoutMs, onIdle);
  timer.restart();
  try {
    return await Promise.race([reader.read(), idle]);
  } catch (error) {
    if (error instanceof CloudflareClientError) throw error;
    const arrived = `${receivedBytes} of ${guard.expectedBytes ?? 'an unknown number of'} bytes`;
    throw transferError('R2_FAILED', `R2 ${guard.request} was cut short: ${arrived} arrived.`, error);
  } finally {
    timer.stop();
  }
}

function checkLength(receivedBytes: number, guard: BodyGuard): void {
  if (guard.expectedBytes === null || receivedBytes === guard.expectedBytes) return;
  throw transferError(
    'R2_FAILED',
    `R2 ${guard.request} has the wrong length: ${receivedBytes} bytes arrived, ${guard.expectedBytes} were announced.`,
  );
}

/** `$retryable` and `$metadata` are how the SDK's retry and deserialisation are told that this is a transport failure. */
function transferError(code: ErrorCode, message: string, cause?: unknown): CloudflareClientError {
  const error = new CloudflareClientError(code, message, cause === undefined ? undefined : { cause });
  return Object.assign(error, { $retryable: {}, $metadata: {} });
}
