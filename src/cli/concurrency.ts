/**
 * Calls `work` for each item, at most `limit` at a time. The first failure, or the signal, keeps further ones from starting;
 * what has begun is awaited, so nothing outlives the call.
 *
 * @throws whatever `work` threw first; the signal's reason when it was aborted.
 */
export async function forEachLimited<T>(
  items: Iterable<T>,
  limit: number,
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    while (failures.length === 0 && !signal.aborted) {
      const next = iterator.next();
      if (next.done === true) return;
      await work(next.value).catch((failure: unknown) => failures.push(failure));
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  signal.throwIfAborted();
  if (failures.length > 0) throw failures[0];
}
