/** What the package needs of a Workers execution context, in fetch, queue and scheduled handlers and in Durable Objects alike. */
export interface ExecutionContextLike {
  /** Keeps the invocation alive until the promise is settled, for 30 s after the response at most. */
  waitUntil(promise: Promise<unknown>): void;
}
