/** Writes a failure that no visitor sees to the Worker's log (`wrangler tail`). */
export function logFailure(what: string, error: unknown): void {
  // eslint-disable-next-line no-console -- the console is the log of a Worker
  console.error(what, error);
}
