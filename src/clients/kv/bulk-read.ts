import type { CloudflareClientError } from '../../errors.js';
import { isCloudflareClientError } from '../../errors.js';
import { kvStatus } from './kv-error.js';
import { forEachParallel } from './parallel.js';

// https://developers.cloudflare.com/kv/api/read-key-value-pairs/: a bulk read takes up to 100 keys and counts as one operation.
const MAX_BULK_KEYS = 100;

/** How keys are read, and what becomes of a read that fails. */
export interface BulkSource<V> {
  many(keys: string[]): Promise<Map<string, V>>;
  one(key: string): Promise<V>;
  /** Called for keys that could not be read. What it throws ends the whole read. */
  failed(keys: readonly string[], error: unknown): void;
}

/**
 * Reads many keys in as few operations as KV allows: 100 at a time, six reads side by side. Keys that a bulk read drops
 * without a word (those that look like array indexes, and `__proto__`) are read one by one, as is any other key that an
 * answer lacks; an answer that would be over 25 MB is asked for in halves.
 *
 * @returns what was read, by key. Keys whose read failed are not in it.
 */
export async function readInBulk<V>(keys: Iterable<string>, source: BulkSource<V>): Promise<Map<string, V>> {
  const found = new Map<string, V>();
  const single: string[] = [];
  const bulk: string[] = [];
  for (const key of new Set(keys)) (isDroppedByBulkReads(key) ? single : bulk).push(key);

  // A KV that hangs would hang for every read of the rest as well, a timeout each.
  let hang: CloudflareClientError | undefined;
  const failed = (failedKeys: readonly string[], error: unknown): void => {
    if (isCloudflareClientError(error, 'KV_TIMEOUT')) hang = error;
    source.failed(failedKeys, error);
  };
  const one = async (key: string): Promise<void> => {
    try {
      if (hang !== undefined) throw hang;
      found.set(key, await source.one(key));
    } catch (error) {
      failed([key], error);
    }
  };
  await forEachParallel(chunksOf(bulk), async (chunk) => {
    if (hang === undefined) await readChunk(chunk, { ...source, failed }, found, single);
    else source.failed(chunk, hang);
  });
  await forEachParallel(single, one);
  return found;
}

/** Whether workerd's `getBulk` leaves `key` out of its answer (research/caching.md, section 3). Says yes to a few that it does not. */
function isDroppedByBulkReads(key: string): boolean {
  return key === '__proto__' || /^\d{1,10}$/.test(key);
}

function chunksOf(keys: string[]): string[][] {
  const chunks: string[][] = [];
  for (let start = 0; start < keys.length; start += MAX_BULK_KEYS)
    chunks.push(keys.slice(start, start + MAX_BULK_KEYS));
  return chunks;
}

async function readChunk<V>(
  chunk: string[],
  source: BulkSource<V>,
  found: Map<string, V>,
  missing: string[],
): Promise<void> {
  let answer: Map<string, V>;
  try {
    answer = checkAnswer(await source.many(chunk));
  } catch (error) {
    if (kvStatus(error) !== 413 || chunk.length === 1) {
      source.failed(chunk, error);
      return;
    }
    const middle = Math.ceil(chunk.length / 2);
    await readChunk(chunk.slice(0, middle), source, found, missing);
    return readChunk(chunk.slice(middle), source, found, missing);
  }
  for (const key of chunk) {
    const value = answer.get(key);
    if (value === undefined) missing.push(key);
    else found.set(key, value);
  }
}

function checkAnswer<V>(answer: Map<string, V>): Map<string, V> {
  if (typeof (answer as Partial<Map<string, V>> | null)?.get === 'function') return answer;
  throw new TypeError('The namespace does not answer bulk reads with a Map.');
}
