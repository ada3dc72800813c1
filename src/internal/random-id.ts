/** A random id. A function of ours, as `crypto.randomUUID` wants its `crypto`. */
export function randomId(): string {
  return crypto.randomUUID();
}
