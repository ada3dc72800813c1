import { CloudflareClientError } from '../../errors.js';

/** Storage that reads and writes without waiting: `ctx.storage.kv` of a SQLite-backed Durable Object. */
export interface FenceStorage {
  /** The value of a key; `undefined` when there is none. */
  get(key: string): unknown;
  /** Stores a value. */
  put(key: string, value: unknown): void;
}

/**
 * Refuses a holder that came too late, where a protected resource is written: call it before the write, in the same synchronous
 * stretch. It remembers the highest fence of each resource under `fence:` and its name.
 *
 * @param storage the resource's own storage: `ctx.storage.kv`.
 * @param fence `lock.fence` of whoever wants to write.
 * @param resource tells things apart that are locked separately and stored together; give each the fences of one lock alone.
 * @throws {CloudflareClientError} `FENCE_STALE` when a higher fence was here before; `INVALID_ARGUMENT` when it is no fence.
 * @example
 * ```ts
 * class PlaylistObject {
 *   constructor(readonly storage: { get(key: string): unknown; put(key: string, value: unknown): void }) {}
 *   save(playlist: string, fence: number): void {
 *     assertFence(this.storage, fence);
 *     this.storage.put('playlist', playlist);
 *   }
 * }
 * ```
 */
export function assertFence(storage: FenceStorage, fence: number, resource = ''): void {
  if (!Number.isSafeInteger(fence) || fence < 1) {
    const shown = typeof fence === 'number' ? String(fence) : `of type ${typeof fence}`;
    throw new CloudflareClientError(
      'INVALID_ARGUMENT',
      `Fence ${shown} is refused: give lock.fence, a positive integer.`,
    );
  }
  const key = `fence:${resource}`;
  const highest = (storage.get(key) as number | undefined) ?? 0;
  if (fence < highest) {
    throw new CloudflareClientError('FENCE_STALE', `Fence ${fence} is stale: ${highest} was here before.`);
  }
  if (fence > highest) storage.put(key, fence);
}
