/** Notes a failure that the visitor does not see. */
export function logFailure(what: string, error: unknown): void {
  console.error(what, error instanceof Error ? `${error.name}: ${error.message}` : error);
}
