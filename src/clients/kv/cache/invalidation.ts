import { CloudflareClientError } from '../../../errors.js';
import type { CacheInvalidateEvent } from '../../../events.js';
import type { DeletePrefixOptions, DeleteReport } from '../delete-many.js';
import { checkDeletePrefix, deleteByPrefix, deleteKeys } from '../delete-many.js';
import { quote } from '../key.js';
import { toKVError } from '../kv-error.js';
import type { CacheContext } from './cache-context.js';
import { cacheTag } from './cache-tag.js';
import type { EvictFailure, EvictReport, EvictTarget } from './evict.js';
import { checkCacheKey, checkCacheKeys, isMarker } from './marker-key.js';
import type { Markers } from './markers.js';
import type { Underway } from './underway.js';

/** Drops entries, and parts with the loads that began before. */
export class Invalidation {
  readonly #context: CacheContext;
  readonly #markers: Markers;
  readonly #underway: Underway;

  constructor(context: CacheContext, markers: Markers, underway: Underway) {
    this.#context = context;
    this.#markers = markers;
    this.#underway = underway;
  }

  /** Deletes one key. */
  async key(key: string): Promise<void> {
    checkCacheKey(key);
    await this.#timed('key', async () => {
      await this.#underway.supersede(key);
      try {
        await this.#context.access.remove(key);
      } finally {
        this.#underway.changed(key);
      }
      return 1;
    });
  }

  /** Deletes many keys; what could not be is in the report. */
  async keys(keys: Iterable<string>): Promise<DeleteReport> {
    const unique = checkCacheKeys(keys);
    return this.#reported('key', async () => {
      await Promise.all(unique.map((key) => this.#underway.supersede(key)));
      const report = await deleteKeys(this.#context.access, unique);
      for (const key of unique) this.#underway.changed(key);
      return report;
    });
  }

  /** Deletes every key that starts with `prefix`. */
  async prefix(prefix: string, options?: DeletePrefixOptions): Promise<DeleteReport> {
    checkDeletePrefix(prefix, options);
    return this.#reported('prefix', async () => {
      await this.#underway.supersedePrefix(prefix);
      try {
        return await deleteByPrefix(this.#context.access, prefix, isMarker);
      } finally {
        await this.#underway.supersedePrefix(prefix);
      }
    });
  }

  /** Marks tags; what fails is thrown after all were tried. */
  async tags(tags: Iterable<string>): Promise<void> {
    const unique = checkTagList(tags);
    const { failed } = await this.#markTags(unique);
    const [first] = failed;
    if (first === undefined) return;
    const extent = `${failed.length} of ${unique.length} tags were not invalidated. ${first.error.message}`;
    throw new CloudflareClientError(first.code, extent, { cause: first.error.cause });
  }

  /** Invalidates everything. */
  async clear(): Promise<void> {
    await this.#timed('clear', async () => {
      await this.#markers.clear();
      return 1;
    });
  }

  /** Drops keys, a prefix and tags; reports what fails and rejects for bad input alone. */
  async evict(target: EvictTarget): Promise<EvictReport> {
    const keys = target.keys === undefined ? [] : checkCacheKeys(target.keys);
    const tags = target.tags === undefined ? [] : checkTagList(target.tags);
    const { prefix } = target;
    if (prefix !== undefined) checkDeletePrefix(prefix);
    const failed: EvictFailure[] = [];
    let evicted = 0;
    const attempt = async (name: string, act: () => Promise<DeleteReport>): Promise<void> => {
      try {
        const report = await act();
        evicted += report.deleted;
        for (const { key, code, error } of report.failed) failed.push({ target: key, code, error });
      } catch (cause) {
        const error = toKVError('delete', quote(name), cause);
        failed.push({ target: name, code: error.code, error });
      }
    };
    if (keys.length > 0) await attempt(keys[0] ?? '', () => this.keys(keys));
    if (prefix !== undefined) await attempt(prefix, () => this.prefix(prefix));
    if (tags.length > 0) await attempt(tags[0] ?? '', () => this.#markTags(tags));
    for (const { target: name, error } of failed) this.#context.access.reportFailure('delete', name, error);
    return { evicted, failed };
  }

  async #markTags(tags: readonly string[]): Promise<DeleteReport> {
    const startedAt = this.#context.now();
    const causes = await this.#markers.markTags(tags);
    const failed = [...causes].map(([key, cause]) => {
      const error = toKVError('write', `the marker of tag ${quote(key)}`, cause);
      return { key, code: error.code, error };
    });
    this.#context.reporter?.invalidate('tag', tags.length - failed.length, startedAt);
    return { deleted: tags.length - failed.length, failed };
  }

  async #reported(kind: CacheInvalidateEvent['kind'], act: () => Promise<DeleteReport>): Promise<DeleteReport> {
    const startedAt = this.#context.now();
    const report = await act();
    this.#context.reporter?.invalidate(kind, report.deleted, startedAt);
    return report;
  }

  async #timed(kind: CacheInvalidateEvent['kind'], act: () => Promise<number>): Promise<void> {
    const startedAt = this.#context.now();
    const count = await act();
    this.#context.reporter?.invalidate(kind, count, startedAt);
  }
}

/** The tags of a list of any length, each once, as entries carry them. */
function checkTagList(tags: Iterable<string>): string[] {
  const isList = typeof tags === 'object' && (tags as unknown) !== null && Symbol.iterator in tags;
  if (isList) return [...new Set([...tags].map(cacheTag))];
  throw new CloudflareClientError('INVALID_OPTION', `Tags ${quote(tags)} are refused: give a list of names.`);
}
