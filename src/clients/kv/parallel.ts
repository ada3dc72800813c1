import { forEachOf } from '../../internal/for-each-of.js';

/** Open connections that Workers grants one request. https://developers.cloudflare.com/workers/platform/limits/ */
export const MAX_CONNECTIONS = 6;

/**
 * Runs `task` on every item, at most six at a time. When a task throws, no further one is started, those under way are
 * waited for, and the first error is thrown.
 */
export async function forEachParallel<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  await forEachOf(items, MAX_CONNECTIONS, task);
}
