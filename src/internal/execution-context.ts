/** What the package needs of a Workers execution context, in fetch, queue and scheduled handlers and in Durable Objects alike. */
export interface ExecutionContextLike {
  waitUntil(promise: Promise<unknown>): void;
}
