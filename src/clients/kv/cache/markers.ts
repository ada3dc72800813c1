import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import { readInBulk } from '../bulk-read.js';
import type { KVEntryLike } from '../kv-namespace.js';
import { forEachParallel } from '../parallel.js';
import type { CacheContext } from './cache-context.js';
import type { EntryMetadata } from './cache-entry.js';
import { EVERYTHING, markerKey } from './marker-key.js';
import { MARKER_SECONDS } from './tags.js';

const NEVER = -Infinity;
const NO_TAGS: readonly string[] = [];

/**
 * When tags and the namespace as a whole were invalidated. A marker is a key of its own whose value is a time in
 * milliseconds; an entry whose load began then or before is invalid. So nothing is searched for and deleted, and a marker is
 * read once per client.
 */
export class Markers {
  readonly #context: CacheContext;
  readonly #isClearable: boolean;
  #made: Map<string, number> | undefined;

  constructor(context: CacheContext, isClearable: boolean) {
    this.#context = context;
    this.#isClearable = isClearable;
  }

  /** Whose markers are to be read before an entry with these tags can be judged. Written for speed: tagged hits pay for it. */
  unknown(tags: readonly string[] | undefined): readonly string[] {
    let unknown: string[] | undefined;
    for (const tag of tags ?? NO_TAGS) if (!this.#known.has(tag)) (unknown ??= []).push(tag);
    if (this.#isClearable && !this.#known.has(EVERYTHING)) (unknown ??= []).push(EVERYTHING);
    return unknown ?? NO_TAGS;
  }

  /** Takes in what a read found under the marker keys of tags; what it could not read stays unknown. */
  learn(tags: readonly string[], entries: ReadonlyMap<string, KVEntryLike | string | null>): void {
    for (const tag of tags) {
      const key = markerKey(tag);
      if (entries.has(key)) this.#known.set(tag, timeOf(entries.get(key)));
    }
  }

  /**
   * Reads the markers of tags, 100 per operation.
   *
   * @throws what the platform threw, or `KV_TIMEOUT`.
   */
  async read(tags: readonly string[]): Promise<void> {
    const { access } = this.#context;
    const entries = await readInBulk<KVEntryLike | string | null>(tags.map(markerKey), {
      many: async (chunk) => access.readEntries(chunk),
      one: async (key) => access.readEntry(key),
      failed: (_keys, error) => {
        throw error;
      },
    });
    this.learn(tags, entries);
  }

  /** Whether an entry was invalidated, as far as this client has read and this isolate knows. */
  isInvalid(record: EntryMetadata | null, tags: readonly string[] | undefined): boolean {
    // Nobody knows when a foreign value was written, so any invalidation is after it.
    const createdAt = record?.c ?? NEVER;
    if (this.#isClearable && this.#isMarked(EVERYTHING, createdAt)) return true;
    // An entry of before it had a tag is judged by the tags of the call.
    return this.#isAnyMarked(record?.g, createdAt) || this.#isAnyMarked(tags, createdAt);
  }

  /** Invalidates everything; what `CacheClient.clear` does. */
  async clear(): Promise<void> {
    if (!this.#isClearable) {
      throw new CloudflareClientError(
        'INVALID_OPTION',
        'clear() works on a cache made with { clearable: true }, whose readers look for it.',
      );
    }
    await this.#mark(EVERYTHING);
  }

  /** Invalidates tags, six at a time; answers with those that could not be marked, and why. */
  async markTags(tags: readonly string[]): Promise<Map<string, unknown>> {
    const failed = new Map<string, unknown>();
    // A KV that hangs would hang for every tag of the rest as well, a timeout each.
    let hang: Error | undefined;
    await forEachParallel(tags, async (tag) => {
      try {
        if (hang !== undefined) throw hang;
        await this.#mark(tag);
      } catch (error) {
        if (isCloudflareClientError(error, 'KV_TIMEOUT')) hang = error;
        failed.set(tag, error);
      }
    });
    return failed;
  }

  async #mark(tag: string): Promise<void> {
    const { access, isolate, now } = this.#context;
    const time = isolate.order.invalidation(now());
    isolate.marks.set(tag, time);
    this.#known.set(tag, this.#timeOf(tag));
    await access.write(markerKey(tag), String(time), tag === EVERYTHING ? {} : { expirationTtl: MARKER_SECONDS });
  }

  #isAnyMarked(tags: readonly string[] | undefined, createdAt: number): boolean {
    for (const tag of tags ?? NO_TAGS) if (this.#isMarked(tag, createdAt)) return true;
    return false;
  }

  #isMarked(tag: string, createdAt: number): boolean {
    const time = this.#timeOf(tag);
    return time > NEVER && createdAt <= time;
  }

  #timeOf(tag: string): number {
    return this.#context.isolate.marks.timeOf(tag, this.#known.get(tag));
  }

  /** The time of each marker that was read. Made for the first: most caches have no tags. */
  get #known(): Map<string, number> {
    return (this.#made ??= new Map());
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
