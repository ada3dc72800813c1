import { CloudflareClientError } from '../../../errors.js';
import { readInBulk } from '../bulk-read.js';
import type { KVEntryLike } from '../kv-namespace.js';
import { forEachParallel } from '../parallel.js';
import type { CacheContext } from './cache-context.js';
import type { EntryMetadata } from './cache-entry.js';
import { MARKER_SECONDS } from './tags.js';

const CLEAR_MARKER = 'cache-cleared';
const MAX_ISOLATE_MARKS = 1_000;
const NEVER = -Infinity;

/**
 * When tags and the namespace as a whole were invalidated. A marker is a key of its own, `cache-tag:{tag}` or `cache-cleared`, whose
 * value is a time in milliseconds; an entry whose load began then or before is invalid. So nothing is searched for and
 * deleted, and a marker is read once per client.
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
    const markers = (tags ?? []).map(markerOf);
    if (this.#isClearable) markers.push(CLEAR_MARKER);
    return markers.filter((marker) => !this.#known.has(marker));
  }

  /** Takes in what a read found under the marker keys that it asked for. */
  learn(markers: readonly string[], entries: ReadonlyMap<string, KVEntryLike | string | null>): void {
    for (const marker of markers) {
      const entry = entries.get(marker);
      if (entry !== undefined)
        this.#known.set(marker, timeOf(typeof entry === 'string' ? entry : (entry?.value ?? null)));
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
    // Nobody knows when a foreign value was written, so any `clear` is after it.
    const createdAt = record?.c ?? NEVER;
    if (this.#isClearable && this.#timeOf(CLEAR_MARKER) > NEVER && createdAt <= this.#timeOf(CLEAR_MARKER)) return true;
    return (record?.g ?? []).some((tag) => createdAt <= this.#timeOf(markerOf(tag))) || this.#isTagged(createdAt, tags);
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
    await forEachParallel(tags, async (tag) => {
      await this.#mark(markerOf(tag)).catch((error: unknown) => failed.set(tag, error));
    });
    return failed;
  }

  async #mark(marker: string): Promise<void> {
    const { access, isolate, now } = this.#context;
    const time = isolate.order.invalidation(now());
    isolate.marks.delete(marker);
    if (isolate.marks.size >= MAX_ISOLATE_MARKS) isolate.marks.delete(isolate.marks.keys().next().value ?? '');
    isolate.marks.set(marker, time);
    this.#known.set(marker, time);
    await access.write(marker, String(time), marker === CLEAR_MARKER ? {} : { expirationTtl: MARKER_SECONDS });
  }

  #isTagged(createdAt: number, tags: readonly string[] | undefined): boolean {
    // An entry of before it had this tag, or one that something else wrote, is judged by the tags of the call.
    return (tags ?? []).some((tag) => this.#timeOf(markerOf(tag)) > NEVER && createdAt <= this.#timeOf(markerOf(tag)));
  }

  #timeOf(marker: string): number {
    return Math.max(this.#known.get(marker) ?? NEVER, this.#context.isolate.marks.get(marker) ?? NEVER);
  }
}

function markerOf(tag: string): string {
  return `cache-tag:${tag}`;
}

/** The time that a marker holds. One that cannot be read invalidates everything: what it forbids must not be served. */
function timeOf(text: string | null): number {
  if (text === null) return NEVER;
  const time = text.trim() === '' ? NaN : Number(text);
  return Number.isFinite(time) ? time : Infinity;
}
