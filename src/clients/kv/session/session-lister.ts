import { CloudflareClientError } from '../../../errors.js';
import { checkKey } from '../key.js';
import type { SessionContext } from './session-context.js';
import { readIndex } from './session-index.js';
import type { IndexEntry } from './session-index.js';
import { endedKey, indexPrefix, revokedKey } from './session-keys.js';
import type { SessionSummary } from './session-lookup.js';
import { endedUpTo, openMark, readAll } from './session-marks.js';
import type { StrongRevocations } from './strong-revocations.js';

/** Lists the sessions of a user that the cache knows. */
export class SessionLister {
  readonly #context: SessionContext;
  readonly #revocations: StrongRevocations | undefined;

  constructor(context: SessionContext, revocations: StrongRevocations | undefined) {
    this.#context = context;
    this.#revocations = revocations;
  }

  /** As `SessionCacheClient.listForUser` says. */
  async listForUser(userId: string): Promise<SessionSummary[]> {
    checkKey(userId);
    checkKey(revokedKey(userId));
    const entries = await this.#entriesOf(userId);
    if (entries.length === 0) return [];
    const endedAt = await this.#endsOf(userId, entries);
    const now = this.#context.now();
    const live = entries.filter(({ id, record }) => record.e > now && record.i > (endedAt.get(id) ?? -1));
    // Under old and new peppers a session is listed twice.
    const byId = new Map(
      live.sort((one, other) => one.record.e - other.record.e).map((entry) => [entry.record.id, entry]),
    );
    return [...byId.values()].sort((one, other) => other.record.i - one.record.i).map(summaryOf);
  }

  async #entriesOf(userId: string): Promise<IndexEntry[]> {
    try {
      return await readIndex(this.#context, userId);
    } catch (cause) {
      throw this.#context.access.failure('list', indexPrefix(userId), cause);
    }
  }

  /** By id: until when what was issued counts as ended. */
  async #endsOf(userId: string, entries: readonly IndexEntry[]): Promise<Map<string, number>> {
    const ids = entries.map(({ id }) => id);
    const [marks, known] = await Promise.all([
      this.#marksOf(userId, ids),
      this.#revocations?.checkAll(userId, ids).catch((cause: unknown) => this.#unknown(cause)),
    ]);
    const endOf = (id: string, index: number): number => {
      const inKV = { revokedBefore: marks.get(revokedKey(userId)) ?? 0, endedAt: marks.get(endedKey(id)) ?? 0 };
      const inObject = { revokedBefore: known?.revokedBefore ?? 0, endedAt: known?.endedAt[index] ?? 0 };
      return endedUpTo([inKV, inObject], this.#context.options.clockSkewMs);
    };
    return new Map(ids.map((id, index) => [id, endOf(id, index)]));
  }

  async #marksOf(userId: string, ids: readonly string[]): Promise<Map<string, number>> {
    const { access } = this.#context;
    const keys = [revokedKey(userId), ...ids.map(endedKey)];
    const texts = await readAll(this.#context, keys, {
      many: (some) => access.readBulk(some),
      one: (key) => access.read(key),
    });
    if (texts === null) {
      throw new CloudflareClientError(
        'KV_READ_FAILED',
        'It could not be read which of the listed sessions were ended.',
      );
    }
    // A mark that is no time could say anything.
    const timeOf = (text: string | null): number => (Number.isNaN(openMark(text)) ? Infinity : openMark(text));
    return new Map([...texts].map(([key, text]) => [key, timeOf(text)]));
  }

  #unknown(cause: unknown): undefined {
    if (this.#context.options.onRevocationError === 'open') return undefined;
    const message = 'It could not be found out which of the listed sessions were ended.';
    throw new CloudflareClientError('REVOCATION_FAILED', message, { cause });
  }
}

function summaryOf({ record }: IndexEntry): SessionSummary {
  return {
    id: record.id,
    createdAt: new Date(record.i).toISOString(),
    expiresAt: new Date(record.e).toISOString(),
    ...(record.ip !== undefined && { ipAddress: record.ip }),
    ...(record.ua !== undefined && { userAgent: record.ua }),
  };
}
