import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import { readInBulk } from '../bulk-read.js';
import type { KVEntryLike } from '../kv-namespace.js';
import { forEachParallel } from '../parallel.js';
import type { CacheContext } from './cache-context.js';
import type { EntryMetadata } from './cache-entry.js';
import { CLEAR_MARKER, tagMarker } from './marker-key.js';
import { MARKER_SECONDS } from './tags.js';

const NEVER = -Infinity;

/**
 * When tags and the namespace as a whole were invalidated. A marker is a key of its own whose value is a time in
 * milliseconds; an entry whose load began then or before is invalid. So nothing is searched for and deleted, and a marker is
 * read once per client.
 */
export class Markers {
  readonly #context: CacheContext;
  readonly #isClearable: boolean;
  readonly #known = new Map<string, number>();

  constructor(context: CacheContext, isClearable: boolean) {
    this.#context = context;
    this.#isClearable = isClearable;
  }

  /** The marker keys to be read before an entry with these tags can be judged. */
  unknown(tags: readonly string[] | undefined): string[] {
    const markers = (tags ?? []).map(tagMarker);
    if (this.#isClearable) markers.push(CLEAR_MARKER);
    return markers.filter((marker) => !this.#known.has(marker));
  }

  /** Takes in what a read found under the marker keys that it asked for; what it could not read stays unknown. */
  learn(markers: readonly string[], entries: ReadonlyMap<string, KVEntryLike | string | null>): void {
    for (const marker of markers) {
      if (entries.has(marker)) this.#known.set(marker, timeOf(entries.get(marker)));
    }
  }

  /**
   * Reads marker keys, 100 per operation.
   *
   * @throws what the platform threw, or `KV_TIMEOUT`.
   */
  async read(markers: readonly string[]): Promise<void> {
    const { access } = this.#context;
    const entries = await readInBulk<KVEntryLike | string | null>(markers, {
      many: async (chunk) => access.readEntries(chunk),
      one: async (key) => access.readEntry(key),
      failed: (_keys, error) => {
        throw error;
      },
    });
    this.learn(markers, entries);
  }

  /** Whether an entry was invalidated, as far as this client has read and this isolate knows. */
  isInvalid(record: EntryMetadata | null, tags: readonly string[] | undefined): boolean {
    // Nobody knows when a foreign value was written, so any invalidation is after it.
    const createdAt = record?.c ?? NEVER;
    const isMarked = (marker: string): boolean => {
      const time = this.#timeOf(marker);
      return time > NEVER && createdAt <= time;
    };
    if (this.#isClearable && isMarked(CLEAR_MARKER)) return true;
    // An entry of before it had a tag is judged by the tags of the call.
    return (
      (record?.g ?? []).some((tag) => isMarked(tagMarker(tag))) || (tags ?? []).some((tag) => isMarked(tagMarker(tag)))
    );
  }

  /** Invalidates everything; what `CacheClient.clear` does. */
  async clear(): Promise<void> {
    if (!this.#isClearable) {
      throw new CloudflareClientError(
        'INVALID_OPTION',
        'clear() works on a cache made with { clearable: true }, whose readers look for it.',
      );
    }
    await this.#mark(CLEAR_MARKER);
  }

  /** Invalidates tags, six at a time; answers with those that could not be marked, and why. */
  async markTags(tags: readonly string[]): Promise<Map<string, unknown>> {
    const failed = new Map<string, unknown>();
    // A KV that hangs would hang for every tag of the rest as well, a timeout each.
    let hang: Error | undefined;
    await forEachParallel(tags, async (tag) => {
      try {
        if (hang !== undefined) throw hang;
        await this.#mark(tagMarker(tag));
      } catch (error) {
        if (isCloudflareClientError(error, 'KV_TIMEOUT')) hang = error;
        failed.set(tag, error);
      }
    });
    return failed;
  }

  async #mark(marker: string): Promise<void> {
    const { access, isolate, now } = this.#context;
    const time = isolate.order.invalidation(now());
    isolate.marks.set(marker, time);
    this.#known.set(marker, this.#timeOf(marker));
    await access.write(marker, String(time), marker === CLEAR_MARKER ? {} : { expirationTtl: MARKER_SECONDS });
  }

  #timeOf(marker: string): number {
    return this.#context.isolate.marks.timeOf(marker, this.#known.get(marker));
  }
}

/** The time that a marker holds. One that cannot be read invalidates everything: what it forbids must not be served. */
function timeOf(entry: KVEntryLike | string | null | undefined): number {
  if (entry === null) return NEVER;
  const text: unknown = typeof entry === 'object' ? entry.value : entry;
  if (text === null) return NEVER;
  const time = typeof text === 'string' && text.trim() !== '' ? Number(text) : NaN;
  return Number.isFinite(time) ? time : Infinity;
}
