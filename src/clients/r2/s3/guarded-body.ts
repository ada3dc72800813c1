import { CloudflareClientError, type ErrorCode } from '../../../errors.js';
import { onAbort } from '../../../internal/on-abort.js';
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
  /** The caller's way to give the body up. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A response body that never ends quietly before its time: a cut connection, a stalled one and a wrong length are errors.
 * It reads only what is asked of it.
 */
export function guardBody(source: ReadableStream<Uint8Array>, guard: BodyGuard): ReadableStream<Uint8Array> {
  const body = new GuardedBody(source, guard);
  return new ReadableStream<Uint8Array>(
    { pull: (controller) => body.pull(controller), cancel: (reason) => body.cancel(reason) },
    { highWaterMark: 0 },
  );
}

class GuardedBody {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #guard: BodyGuard;
  readonly #stopListening: () => void;
  #receivedBytes = 0;
  #failure: Error | undefined;
  #rejectRead: ((error: Error) => void) | undefined;

  constructor(source: ReadableStream<Uint8Array>, guard: BodyGuard) {
    this.#reader = source.getReader();
    this.#guard = guard;
    this.#stopListening = onAbort(guard.signal, () => this.#giveUp(this.#aborted()));
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const { expectedBytes } = this.#guard;
    try {
      const { done, value } = await this.#readInTime();
      this.#receivedBytes += value?.byteLength ?? 0;
      if (done || (expectedBytes !== null && this.#receivedBytes > expectedBytes)) this.#checkLength();
      if (!done) {
        controller.enqueue(value);
        return;
      }
      this.#stopListening();
      controller.close();
    } catch (error) {
      this.#stopListening();
      this.#letGo(error);
      throw error;
    }
  }

  cancel(reason: unknown): Promise<void> {
    this.#stopListening();
    return this.#reader.cancel(reason);
  }

  async #readInTime(): Promise<ReadableStreamReadResult<Uint8Array>> {
    const { request, timeoutMs, expectedBytes } = this.#guard;
    if (this.#failure !== undefined) throw this.#failure;
    const givenUp = new Promise<never>((_resolve, reject) => (this.#rejectRead = reject));
    const timer = new IdleTimer(timeoutMs, () =>
      this.#giveUp(transferError('R2_TIMEOUT', `R2 ${request}: no byte arrived for ${timeoutMs} ms.`)),
    );
    timer.restart();
    try {
      return await Promise.race([this.#reader.read(), givenUp]);
    } catch (error) {
      if (error instanceof CloudflareClientError) throw error;
      const arrived = `${this.#receivedBytes} of ${expectedBytes ?? 'an unknown number of'} bytes`;
      throw transferError('R2_FAILED', `R2 ${request} was cut short: ${arrived} arrived.`, error);
    } finally {
      timer.stop();
      this.#rejectRead = undefined;
    }
  }

  #giveUp(error: Error): void {
    this.#failure = error;
    this.#rejectRead?.(error);
    this.#guard.abort();
    this.#letGo(error);
  }

  /** What failed is not read to its end: its source would wait for that, and a Worker has six connections. */
  #letGo(reason: unknown): void {
    this.#reader.cancel(reason).catch(() => undefined);
  }

  #aborted(): CloudflareClientError {
    const { request, signal } = this.#guard;
    const cause: unknown = signal?.reason;
    return new CloudflareClientError('R2_ABORTED', `R2 ${request} was aborted.`, { cause });
  }

  #checkLength(): void {
    const { request, expectedBytes } = this.#guard;
    if (expectedBytes === null || this.#receivedBytes === expectedBytes) return;
    throw transferError(
      'R2_FAILED',
      `R2 ${request} has the wrong length: ${this.#receivedBytes} bytes arrived, ${expectedBytes} were announced.`,
    );
  }
}

/** `$retryable` and `$metadata` are how the SDK's retry and deserialisation are told that this is a transport failure. */
function transferError(code: ErrorCode, message: string, cause?: unknown): CloudflareClientError {
  const error = new CloudflareClientError(code, message, cause === undefined ? undefined : { cause });
  return Object.assign(error, { $retryable: {}, $metadata: {} });
}
