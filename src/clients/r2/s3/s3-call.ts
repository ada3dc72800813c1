import { onAbort } from '../../../internal/on-abort.js';
import type { R2Call } from '../r2-error.js';
import type { R2Connection, R2Session } from './r2-connection.js';

/** What one call may carry beside its input. */
export interface S3CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes that the network took since the last call; negative for those of an attempt that failed. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** What the SDK hands on to the request handler. */
interface RequestOptions {
  readonly requestTimeout: number;
  readonly abortSignal?: AbortSignal;
  readonly bodySignal?: AbortSignal;
  readonly onUploadProgress?: (bytes: number) => void;
}

/** Sends by the SDK; the request is given up when the signal fires. */
export interface S3Sender extends R2Session {
  readonly request: RequestOptions;
}

/**
 * Runs one call against the server; whatever fails in it becomes an error of ours that names `call`. The caller's signal
 * ends it at once, also while the SDK waits for its next attempt.
 *
 * @throws {CloudflareClientError} `R2_*`; `R2_ABORTED` with the signal's reason as its cause.
 */
export async function s3Call<T>(
  connection: R2Connection,
  call: R2Call,
  { signal, onProgress }: S3CallOptions,
  work: (sender: S3Sender) => Promise<T>,
): Promise<T> {
  const request = {
    ...connection.requestOptions,
    ...(onProgress !== undefined && { onUploadProgress: onProgress }),
  };
  return connection.run(call, (session) =>
    unlessAborted(signal, (signals) => work({ ...session, request: { ...request, ...signals } })),
  );
}

async function unlessAborted<T>(
  signal: AbortSignal | undefined,
  work: (signals: Pick<RequestOptions, 'abortSignal' | 'bodySignal'>) => Promise<T>,
): Promise<T> {
  if (signal === undefined) return work({});
  if (signal.aborted) throw abortError(signal);
  // Of this call alone: the SDK listens to it by itself, once for each call. The body of the answer outlives the call.
  const controller = new AbortController();
  let stopListening: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stopListening = onAbort(signal, () => {
      reject(abortError(signal));
      controller.abort(signal.reason);
    });
  });
  try {
    return await Promise.race([work({ abortSignal: controller.signal, bodySignal: signal }), aborted]);
  } finally {
    stopListening();
  }
}

/** What `toR2Error` makes `R2_ABORTED` of. */
export function abortError(signal: AbortSignal | undefined): Error {
  return Object.assign(new Error('The request was aborted.', { cause: signal?.reason }), { name: 'AbortError' });
}
