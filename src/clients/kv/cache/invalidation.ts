import { CloudflareClientError } from '../../../errors.js';
import type { CacheInvalidateEvent } from '../../../events.js';
import type { DeletePrefixOptions, DeleteReport } from '../delete-many.js';
import { checkDeletePrefix, deleteByPrefix, deleteKeys } from '../delete-many.js';
import { checkKey, checkKeys } from '../key.js';
import { toKVError } from '../kv-error.js';
import type { CacheContext } from './cache-context.js';
import type { EvictFailure, EvictReport, EvictTarget } from './evict.js';
import type { Markers } from './markers.js';
import { checkTags } from './tags.js';
import type { Underway } from './underway.js';

const MAX_TAGS_AT_ONCE = 32;

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
    checkKey(key);
    await this.#timed('key', async () => {
      await this.#underway.supersede(key);
      await this.#context.access.remove(key);
      this.#underway.changed(key);
      return 1;
    });
  }

  /** Deletes many keys; what could not be is in the report. */
  async keys(keys: Iterable<string>): Promise<DeleteReport> {
    const unique = checkKeys(keys);
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
      const report = await deleteByPrefix(this.#context.access, prefix);
      await this.#underway.supersedePrefix(prefix);
      return report;
    });
  }

  /** Marks tags; what fails is thrown after all were tried. */
  async tags(tags: Iterable<string>): Promise<void> {
    const unique = checkTagList(tags);
    await this.#timed('tag', async () => {
      const failed = await this.#markers.markTags(unique);
      for (const [tag, cause] of failed) {
        const { code, message } = toKVError('write', `the marker of tag ${JSON.stringify(tag)}`, cause);
        const extent = `${failed.size} of ${unique.length} tags were not invalidated. ${message}`;
        throw new CloudflareClientError(code, extent, { cause });
      }
      return unique.length;
    });
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
    const keys = target.keys === undefined ? [] : checkKeys(target.keys);
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
        const error = toKVError('delete', JSON.stringify(name), cause);
        failed.push({ target: name, code: error.code, error });
      }
    };
    if (keys.length > 0) await attempt(keys[0] ?? '', () => this.keys(keys));
    if (prefix !== undefined) await attempt(prefix, () => this.prefix(prefix));
    await Promise.all(tags.map((tag) => attempt(tag, () => this.tags([tag]).then(() => ({ deleted: 1, failed: [] })))));
    for (const { target: name, error } of failed) this.#context.access.reportFailure('delete', name, error);
    return { evicted, failed };
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

/** Each tag must be one that an entry can have; of how many there are, only the platform's operations are a bound. */
function checkTagList(tags: Iterable<string>): string[] {
  const isList = typeof tags === 'object' && Symbol.iterator in tags;
  const list = isList ? [...new Set(tags)] : checkTags(tags);
  for (let start = 0; start < list.length; start += MAX_TAGS_AT_ONCE) {
    checkTags(list.slice(start, start + MAX_TAGS_AT_ONCE));
  }
  return [...list];
}
