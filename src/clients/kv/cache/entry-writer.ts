import { CloudflareClientError } from '../../../errors.js';
import type { ErrorCode } from '../../../errors.js';
import { toStrictJson } from '../codecs/json-codec.js';
import { quote } from '../key.js';
import { MAX_TTL_SECONDS } from '../ttl.js';
import { checkMetadata } from '../value.js';
import type { CacheCodec, EncodedValue } from './cache-codec.js';
import type { CacheContext } from './cache-context.js';
import type { NewEntry } from './cache-entry.js';
import { entryOptions } from './cache-entry.js';
import type { Ttl } from './cache-options.js';
import type { CachePolicy } from './cache-policy.js';
import { staleSeconds } from './cache-policy.js';
import type { Flight } from './flight.js';
import { checkTags, MARKER_SECONDS } from './tags.js';
import type { Tiers } from './tiers.js';

/** What a loader gave, and how it is to be kept. */
export interface Loaded {
  readonly key: string;
  readonly value: unknown;
  readonly ttl: Ttl<unknown>;
  readonly policy: CachePolicy;
  /** When the load began. */
  readonly startedAt: number;
  /** The same, in the order of the isolate's invalidations. */
  readonly createdAt: number;
}

/** Encodes and stores values. */
export class EntryWriter {
  readonly #context: CacheContext;
  readonly #tiers: Tiers;

  constructor(context: CacheContext, tiers: Tiers) {
    this.#context = context;
    this.#tiers = tiers;
  }

  /**
   * Turns a value into text.
   *
   * @throws {CloudflareClientError} `INVALID_VALUE` for what the codec cannot hold.
   */
  encode(key: string, value: unknown, codec: CacheCodec | undefined): EncodedValue | Promise<EncodedValue> {
    return codec === undefined ? { text: toStrictJson(value), format: '' } : encodeBy(codec, key, value);
  }

  /**
   * Stores an entry, in KV and here, unless it is not the latest any more when KV has it.
   *
   * @throws {CloudflareClientError} `KV_WRITE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`, `KV_BUDGET_SPENT`; `INVALID_VALUE` above 25 MiB, or
   *   with more metadata than 1,024 bytes.
   */
  async store(key: string, entry: NewEntry, flight: Flight): Promise<void> {
    const { access, isolate, now, reporter } = this.#context;
    const startedAt = now();
    const options = entryOptions(startedAt, entry);
    if (entry.tags.length > 0) checkMetadata(options.metadata);
    const { text } = entry.encoded;
    await access.write(key, text, options);
    // What began to read before KV had it may have read the one before.
    isolate.fence.changes.add(key);
    if (flight.isSuperseded) this.#tiers.drop(key);
    else if (!this.#tiers.isEmpty) this.#tiers.put(key, { value: text, metadata: options.metadata });
    reporter?.write(key, entry.ttlSeconds, text, startedAt);
  }

  /**
   * Makes an entry of what a flight loaded, at once, before its caller can change the value. What keeps it from being
   * stored is reported, never thrown.
   */
  async prepare(flight: Flight, loaded: Loaded): Promise<NewEntry | undefined> {
    const { key, value, policy } = loaded;
    try {
      if (policy.cacheIf?.(value) === false) throw new Refusal('cacheIf refused the value.');
      const entry = await this.#entryOf(loaded);
      flight.text = entry.encoded.text;
      flight.format = entry.encoded.format;
      return entry;
    } catch (error) {
      this.#context.reporter?.skip(key, reasonOf(error));
      return undefined;
    }
  }

  /**
   * Stores what was prepared, unless the key changed meanwhile or the budget is nearly spent. A load that was to replace what is stored and
   * gave nothing that can be takes it away: it is known to be old.
   *
   * @returns the write, which never rejects: the code of its failure, or `'skipped'`.
   */
  keep(
    flight: Flight,
    { key, policy }: Loaded,
    entry: NewEntry | undefined,
  ): Promise<ErrorCode | 'skipped' | undefined> {
    if (flight.isSuperseded) return skipped();
    const { access, reporter } = this.#context;
    if (entry !== undefined && access.allowsAutomaticWrites) {
      return this.#hold(flight, this.#storeOrReport(flight, key, entry));
    }
    if (entry !== undefined) reporter?.skip(key, 'The operation budget of the request is nearly spent.');
    return policy.forceFresh ? this.#hold(flight, this.#drop(key)) : skipped();
  }

  #hold(flight: Flight, written: Promise<ErrorCode | 'skipped' | undefined>): typeof written {
    flight.writing = written;
    this.#context.hold(written);
    return written;
  }

  async #drop(key: string): Promise<ErrorCode | 'skipped'> {
    const { access, isolate } = this.#context;
    try {
      await access.remove(key);
      return 'skipped';
    } catch (error) {
      access.reportFailure('delete', key, error);
      return (error as CloudflareClientError).code;
    } finally {
      isolate.fence.changes.add(key);
      this.#tiers.drop(key);
    }
  }

  async #entryOf({ key, value, ttl, policy, startedAt, createdAt }: Loaded): Promise<NewEntry> {
    const { now, random } = this.#context;
    const isNegative = policy.negativeTtlSeconds !== undefined && (value === null || value === undefined);
    const ttlSeconds = isNegative ? policy.negativeTtlSeconds : ttlOf(ttl, value);
    const kept = isNegative ? 0 : staleSeconds(policy);
    const tags = typeof policy.tags === 'function' ? checkTags(policy.tags(value)) : (policy.tags ?? []);
    if (tags.length > 0 && ttlSeconds + kept > MARKER_SECONDS) {
      throw new Refusal(
        `An entry with tags lives at most ${MARKER_SECONDS} s; this one would live ${ttlSeconds + kept} s.`,
      );
    }
    const finishedAt = now();
    const encoded = this.encode(key, value, policy.codec);
    return {
      encoded: encoded instanceof Promise ? await encoded : encoded,
      createdAt,
      ttlSeconds: policy.ttlJitter === 0 ? ttlSeconds : ttlSeconds * (1 - policy.ttlJitter * random()),
      staleSeconds: kept,
      loadMs: Math.max(0, finishedAt - startedAt),
      tags,
      isNegative,
    };
  }

  async #storeOrReport(flight: Flight, key: string, entry: NewEntry): Promise<ErrorCode | undefined> {
    try {
      await this.store(key, entry, flight);
      return undefined;
    } catch (error) {
      this.#context.access.reportFailure('write', key, error);
      return (error as CloudflareClientError).code;
    }
  }
}

function skipped(): Promise<'skipped'> {
  return Promise.resolve('skipped');
}

/** A reason not to store a value that is no failure. */
class Refusal extends Error {}

function ttlOf(ttl: Ttl<unknown>, value: unknown): number {
  const seconds: unknown = typeof ttl === 'function' ? ttl(value) : ttl;
  if (Number.isInteger(seconds) && (seconds as number) >= 1 && (seconds as number) <= MAX_TTL_SECONDS) {
    return seconds as number;
  }
  const shown = typeof seconds === 'number' ? String(seconds) : quote(seconds);
  throw new Refusal(`The TTL that the value was given, ${shown}, is no integer from 1 to ${MAX_TTL_SECONDS}.`);
}

/** What kept a value from being stored. A caller's function that threw may have the value in its message. */
function reasonOf(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  const isOurs = error instanceof Error && error.name === 'CloudflareClientError';
  return isOurs ? error.message : 'The codec, cacheIf, or the function of the TTL or the tags threw.';
}

async function encodeBy(codec: CacheCodec, key: string, value: unknown): Promise<EncodedValue> {
  const encoded = (await codec.encode(value, { key })) as Partial<EncodedValue> | undefined;
  if (typeof encoded?.text === 'string' && typeof encoded.format === 'string') return encoded as EncodedValue;
  throw new CloudflareClientError('INVALID_VALUE', 'The codec did not answer with a text and a format.');
}
