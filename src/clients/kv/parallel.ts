/** Open connections that Workers grants one request. https://developers.cloudflare.com/workers/platform/limits/ */
export const MAX_CONNECTIONS = 6;

/**
 * Runs `task` on every item, at most six at a time. When a task throws, no further one is started, those under way are
 * waited for, and the first error is thrown.
 */
export async function forEachParallel<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const item = items[next] as T;
      next += 1;
      await task(item).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: Math.min(MAX_CONNECTIONS, items.length) }, work));
  if (failures.length > 0) throw failures[0];
}
