import type { CacheMissReason, CacheTier } from '../../../events.js';
import { readInBulk } from '../bulk-read.js';
import type { KVEntryLike } from '../kv-namespace.js';
import type { EncodedValue } from './cache-codec.js';
import type { CacheContext } from './cache-context.js';
import type { EntryMetadata } from './cache-entry.js';
import { openEntry, readMetadata, staleFor } from './cache-entry.js';
import type { CachePolicy } from './cache-policy.js';
import { staleSeconds } from './cache-policy.js';
import type { Flight } from './flight.js';
import { markerKey } from './marker-key.js';
import type { Markers } from './markers.js';
import type { Tiers } from './tiers.js';

/** A value that can be served, fresh or within a stale bound. */
export interface FoundValue {
  readonly status: 'fresh' | 'stale';
  readonly value: unknown;
  /** What is stored for it. */
  readonly text: string;
  readonly record: EntryMetadata | null;
  readonly ageMs: number | null;
  /** Milliseconds since it stopped being fresh; negative while it is. */
  readonly staleMs: number;
  readonly tier: CacheTier;
}

/** What was found under a key. */
export type Found = FoundValue | { readonly status: 'miss'; readonly reason: CacheMissReason };

type Answer = KVEntryLike | string | null | undefined;

/** Every miss, made once. */
const MISS = {
  absent: { status: 'miss', reason: 'absent' },
  expired: { status: 'miss', reason: 'expired' },
  corrupt: { status: 'miss', reason: 'corrupt' },
  error: { status: 'miss', reason: 'error' },
  invalidated: { status: 'miss', reason: 'invalidated' },
  schema: { status: 'miss', reason: 'schema' },
} as const;

/** Finds entries: at hand, else in KV. What fails is a miss and an event. */
export class EntryFinder {
  readonly #context: CacheContext;
  readonly #tiers: Tiers;
  readonly #markers: Markers;
  readonly #isClearable: boolean;

  constructor(context: CacheContext, tiers: Tiers, markers: Markers, isClearable: boolean) {
    this.#context = context;
    this.#tiers = tiers;
    this.#markers = markers;
    this.#isClearable = isClearable;
  }

  /** Looks a key up: at hand, then in KV. */
  async find(key: string, policy: CachePolicy): Promise<Found> {
    const near = this.#tiers.isEmpty ? undefined : this.#tiers.find(key);
    if (near !== undefined) {
      const found = await this.judge(key, near.entry, near.tier, policy);
      // One that is stale here may have been refreshed in KV.
      if (found.status === 'fresh') return found;
    }
    const changes = this.#changes;
    try {
      return await this.judgeRead(key, await this.read(key, policy), policy, changes);
    } catch (cause) {
      return this.failed(key, cause);
    }
  }

  /** Whether nothing is at hand and nothing but the entry itself is to be read, so that a caller need not go through `find`. */
  get isDirect(): boolean {
    return this.#tiers.isEmpty;
  }

  /** Reads an entry, and the markers of the call with it. Rejects with what the platform threw. Not async: every hit pays for it. */
  read(key: string, policy: CachePolicy): Promise<Answer> {
    const tags = tagsOf(policy);
    if (tags === undefined && !this.#isClearable) return this.#context.access.readEntry(key);
    const markers = this.#markers.unknown(tags);
    return markers.length === 0 ? this.#context.access.readEntry(key) : this.#readWith(key, markers);
  }

  /** What was read means; a promise where more is to be read for that, or to be waited for. It may reject as `read` does. */
  judgeRead(key: string, answer: Answer, policy: CachePolicy, changes = 0): Found | Promise<Found> {
    const markers = this.#unreadMarkers(answer, tagsOf(policy));
    if (markers !== undefined) return this.#judgeTagged(key, answer, policy, { markers, changes });
    const judged = this.judge(key, answer, 'kv', policy);
    if (this.#tiers.isEmpty) return judged;
    return judged instanceof Promise
      ? judged.then((found) => this.#keep(key, answer, found, changes))
      : this.#keep(key, answer, judged, changes);
  }

  /** Reports a read that failed, which is a miss. */
  failed(key: string, cause: unknown): Found {
    this.#context.access.reportFailure('read', key, cause);
    return MISS.error;
  }

  /** What is at hand and needs no waiting: a fresh value, plain JSON, of no schema. */
  findNear(key: string, policy: CachePolicy): FoundValue | undefined {
    if (this.#tiers.isEmpty || policy.codec !== undefined || policy.schema !== undefined) return undefined;
    const near = this.#tiers.find(key);
    const isPlain = near !== undefined && (near.entry.metadata as Partial<EntryMetadata> | null)?.f === undefined;
    const found = isPlain ? this.judge(key, near.entry, near.tier, policy) : undefined;
    return found === undefined || found instanceof Promise || found.status !== 'fresh' ? undefined : found;
  }

  /** Looks many keys up, 100 per operation, the markers of the call among them. */
  async findMany(keys: readonly string[], policy: CachePolicy): Promise<Map<string, Found>> {
    const changes = this.#changes;
    const found = new Map<string, Found>();
    const far: string[] = [];
    for (const key of keys) {
      const near = this.#tiers.isEmpty ? undefined : this.#tiers.find(key);
      const judged = near === undefined ? undefined : await this.judge(key, near.entry, near.tier, policy);
      if (judged?.status === 'fresh') found.set(key, judged);
      else far.push(key);
    }
    if (far.length > 0) {
      const answers = await this.#readMany(far, tagsOf(policy));
      for (const key of far) {
        const answer = answers.get(key);
        found.set(key, answer === undefined ? MISS.error : await this.judgeRead(key, answer, policy, changes));
      }
    }
    return found;
  }

  /** What an entry means now; a promise only where its codec or the schema gives one. */
  judge(key: string, answer: Answer, tier: CacheTier, policy: CachePolicy): Found | Promise<Found> {
    const opened = openEntry(answer);
    if (typeof opened === 'string') return MISS[opened];
    const { text, record } = opened;
    const now = this.#context.now();
    const staleMs = staleFor(record, now);
    if (staleMs >= 0 && isDead(staleMs, record, policy)) return MISS.expired;
    if (this.isInvalid(record, policy)) return MISS.invalidated;
    const ageMs = ageOf(record, now);
    const status = staleMs < 0 ? 'fresh' : 'stale';
    if (policy.codec !== undefined || policy.schema !== undefined || record?.f !== undefined) {
      return this.#decodeFound(key, { status, text, record, ageMs, staleMs, tier }, policy);
    }
    try {
      return { status, value: JSON.parse(text), text, record, ageMs, staleMs, tier };
    } catch {
      return MISS.corrupt;
    }
  }

  /** Whether what is known says that an entry was invalidated. */
  isInvalid(record: EntryMetadata | null, policy: CachePolicy): boolean {
    const tags = tagsOf(policy);
    const isMarked = tags !== undefined || record?.g !== undefined || this.#isClearable;
    return isMarked && this.#markers.isInvalid(record, tags);
  }

  /** Whether a key was dropped or replaced, by any request of the isolate, since a flight began. */
  isDropped(key: string, { isSuperseded, drops }: Flight): boolean {
    return isSuperseded || this.#context.isolate.fence.drops.hasSince(drops, key);
  }

  /** Whether a value may stand in for a load that fails or is slow: within `staleIfError`, and not dropped meanwhile. */
  isUsable(key: string, flight: Flight, record: EntryMetadata | null): boolean {
    const { policy } = flight;
    if (this.isDropped(key, flight) || this.isInvalid(record, policy)) return false;
    const bound = record?.n === 1 ? 0 : policy.staleIfError * 1000;
    return record === null || this.#context.now() < record.e + bound;
  }

  /**
   * Reads a stored text by the codec and the schema of a call.
   *
   * @returns the value, or why there is none.
   */
  async decode(
    key: string,
    { text, format }: EncodedValue,
    { codec, schema }: CachePolicy,
  ): Promise<{ readonly value: unknown } | 'corrupt' | 'schema'> {
    let value: unknown;
    try {
      if (codec === undefined && format !== '') throw new TypeError('a format of a codec that is not there');
      value = codec === undefined ? JSON.parse(text) : await codec.decode({ text, format }, { key });
    } catch {
      this.#context.reporter?.undecodable(key, format);
      return 'corrupt';
    }
    if (schema === undefined) return { value };
    try {
      const result = await schema['~standard'].validate(value);
      return result.issues === undefined ? { value: result.value } : 'schema';
    } catch {
      return 'schema';
    }
  }

  async #decodeFound(key: string, found: Omit<FoundValue, 'value'>, policy: CachePolicy): Promise<Found> {
    const decoded = await this.decode(key, { text: found.text, format: found.record?.f ?? '' }, policy);
    return typeof decoded === 'string' ? MISS[decoded] : { ...found, value: decoded.value };
  }

  /** How many changes of the isolate a read that begins now has seen; only what keeps entries at hand needs to know. */
  get #changes(): number {
    return this.#tiers.isEmpty ? 0 : this.#context.isolate.fence.changes.count;
  }

  async #judgeTagged(
    key: string,
    answer: Answer,
    policy: CachePolicy,
    { markers, changes }: { markers: readonly string[]; changes: number },
  ): Promise<Found> {
    await this.#markers.read(markers);
    return this.#keep(key, answer, await this.judge(key, answer, 'kv', policy), changes);
  }

  #keep(key: string, answer: Answer, found: Found, changes: number): Found {
    const isEntry = typeof answer === 'object' && answer !== null;
    if (isEntry && found.status === 'fresh') this.#tiers.keep(key, answer, changes);
    return found;
  }

  /** The markers of an entry's own tags that are still to be read. */
  #unreadMarkers(answer: Answer, tags: readonly string[] | undefined): readonly string[] | undefined {
    const metadata = typeof answer === 'object' && answer !== null ? answer.metadata : undefined;
    const own = (metadata as Partial<EntryMetadata> | null | undefined)?.g;
    if (own === undefined) return undefined;
    const record = readMetadata(metadata);
    if (record === null || record === 'corrupt') return undefined;
    const markers = this.#markers.unknown(tags === undefined ? own : own.filter((tag) => !tags.includes(tag)));
    return markers.length === 0 ? undefined : markers;
  }

  async #readWith(key: string, tags: readonly string[]): Promise<Answer> {
    const { access } = this.#context;
    const entries = await readInBulk<KVEntryLike | string | null>([key, ...tags.map(markerKey)], {
      many: async (chunk) => access.readEntries(chunk),
      one: async (single) => access.readEntry(single),
      failed: (_keys, error) => {
        throw error;
      },
    });
    this.#markers.learn(tags, entries);
    return entries.get(key);
  }

  async #readMany(keys: readonly string[], tags: readonly string[] | undefined): Promise<Map<string, Answer>> {
    const { access } = this.#context;
    const markers = tags === undefined && !this.#isClearable ? [] : this.#markers.unknown(tags);
    const answers = await readInBulk<KVEntryLike | string | null>([...keys, ...markers.map(markerKey)], {
      many: async (chunk) => access.readEntries(chunk),
      one: async (key) => access.readEntry(key),
      failed: (failedKeys, cause) => access.reportFailure('read', failedKeys[0] ?? '', cause),
    });
    this.#markers.learn(markers, answers);
    // Without the markers no entry can be judged; whoever failed to read them once is not asked again.
    if (markers.some((tag) => !answers.has(markerKey(tag)))) return new Map();
    const missing = new Set([...answers.values()].flatMap((answer) => this.#unreadMarkers(answer, tags) ?? []));
    try {
      if (missing.size > 0) await this.#markers.read([...missing]);
      return answers;
    } catch (cause) {
      access.reportFailure('read', [...missing][0] ?? '', cause);
      return new Map();
    }
  }
}

/** Whether an entry that is not fresh is of no more use either. */
function isDead(staleMs: number, record: EntryMetadata | null, policy: CachePolicy): boolean {
  return record?.n === 1 || staleMs >= staleSeconds(policy) * 1000;
}

function ageOf(record: EntryMetadata | null, now: number): number | null {
  return record === null ? null : Math.max(0, now - record.c);
}

/** The tags of a call that are known before the value is. */
function tagsOf(policy: CachePolicy): readonly string[] | undefined {
  return typeof policy.tags === 'object' ? policy.tags : undefined;
}
