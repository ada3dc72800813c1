import { randomId } from '../../internal/random-id.js';
import type { ChangeReply, CounterApi, CounterOperation } from '../../durable-objects/counter/counter-api.js';
import type { OnceApi } from '../../durable-objects/counter/once-api.js';
import { CloudflareClientError } from '../../errors.js';
import { report } from '../../internal/report.js';
import { keyPrefix } from '../kv/key.js';
import { checkName, shardObject, shardOfKey } from './counter-names.js';
import { checkInteger } from '../check-option.js';
import { addOperation, checkSafeInteger, MAX_SHARDS, sharded } from './counter-operations.js';
import type {
  CounterChange,
  CounterClientOptions,
  CounterItem,
  CounterItemResult,
  CounterResult,
  CounterValue,
  OnceOptions,
  OnceResult,
  OnceRun,
} from './counter-types.js';
import { incrementEach } from './increment-many.js';
import { ObjectCaller } from './object-caller.js';
import type { ObjectNamespaceLike } from './object-namespace.js';
import { runOnce } from './once.js';
import type { OnceContext } from './once.js';

const DEFAULT_TIMEOUT_MS = 10_000;

/** What a call of one object is answered. */
interface ChangedShard {
  readonly replies: readonly ChangeReply[];
  readonly shards: number;
}

/**
 * Counters that are exact under concurrency, and work that is done once, each in a Durable Object of its own. Whatever is lost on the way, an
 * operation counts once: the client tries again under the same id, and the object knows it for a minute. A value stays within
 * the integers that JavaScript counts exactly, and a counter that does not exist has the value 0.
 *
 * @example
 * ```ts
 * const counters = new CounterClient(env.COUNTERS);
 * const { value } = await counters.increment('invoices:2026');
 * const { applied } = await counters.decrement('stock:chair', { by: 2, floor: 0, idempotencyKey: 'order-7' });
 * const receipt = await counters.once('charge:order-7', async () => ({ paid: applied, number: value }));
 * ```
 */
export class CounterClient<Shards extends number = 1> {
  readonly #caller: ObjectCaller<CounterApi & OnceApi>;
  readonly #shards: number;
  readonly #random: () => number;
  readonly #context: OnceContext;

  /**
   * Makes a client; nothing is called.
   *
   * @param namespace the binding of `CounterObject`, or `memoryCounters()`.
   * @param options shards, events, and what tests put in the place of clock and chance.
   * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
   */
  constructor(namespace: ObjectNamespaceLike, options: CounterClientOptions<Shards> = {}) {
    const { shards = 1, events, now = Date.now, newId = randomId, random = Math.random, delay } = options;
    const { timeoutMs = DEFAULT_TIMEOUT_MS, locationHint } = options;
    checkInteger('shards', shards, 1, MAX_SHARDS);
    this.#caller = new ObjectCaller(namespace, { className: 'CounterObject', timeoutMs, locationHint, delay, random });
    this.#shards = shards;
    this.#random = random;
    this.#context = { caller: this.#caller, events, now, newId, random, delay };
  }

  /**
   * Adds to a counter.
   *
   * @param name the counter, 1 to 512 bytes; what stands before its first colon is shown in messages and events.
   * @param change by how much, 1 unless told, and under which conditions.
   * @returns the value after it, and whether it was made.
   * @throws {CloudflareClientError} `COUNTER_OUT_OF_BOUNDS`, when the sum is no safe integer: nothing is changed; `IDEMPOTENCY_CONFLICT`, when the
   *   key was used for another change; `INVALID_OPTION`, `INVALID_KEY`; `OBJECT_FAILED`, `OBJECT_OVERLOADED`, `OBJECT_TIMEOUT`: whether it was
   *   made is then not known, and asking again with the same `idempotencyKey` is safe.
   */
  async increment(name: string, change: number | CounterChange = 1): Promise<CounterResult<Shards>> {
    return this.#add(name, change, 1);
  }

  /**
   * Takes from a counter: as `increment`, the other way. With `floor: 0` it never takes what is not there.
   *
   * @param name as for `increment`.
   * @param change by how much, 1 unless told, and under which conditions.
   * @returns the value after it, and whether it was made.
   * @throws {CloudflareClientError} as `increment`.
   */
  async decrement(name: string, change: number | CounterChange = 1): Promise<CounterResult<Shards>> {
    return this.#add(name, change, -1);
  }

  /**
   * Makes up to 10,000 changes, those of one object in one call and up to 32 calls at a time. Each is made or not for itself.
   *
   * @param items the changes; those of one counter are made in their order.
   * @returns what became of each, in the order given.
   * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_KEY` for an item that can be seen to be wrong: nothing is done then.
   */
  async incrementMany(items: readonly CounterItem[]): Promise<CounterItemResult<Shards>[]> {
    const shardOf = this.#shardChoice();
    const { newId } = this.#context;
    const change = (object: string, operations: CounterOperation[]): Promise<ChangedShard> =>
      this.#change(object, operations);
    const outcomes = await incrementEach(items, { shards: this.#shards, newId, shardOf, change });
    return outcomes.map(({ name, answer }): CounterItemResult<Shards> => {
      try {
        if (answer instanceof Error) throw answer;
        return { name, status: 'done', ...this.#result(name, answer.reply, answer.shards) };
      } catch (error) {
        return { name, status: 'failed', error: error as CloudflareClientError };
      }
    });
  }

  /**
   * Reads a counter: all shards at once, also those of a client that spreads it further.
   *
   * @param name as for `increment`.
   * @returns its value, 0 for one that does not exist.
   * @throws {CloudflareClientError} `COUNTER_OUT_OF_BOUNDS` when the sum of the shards is no safe integer; `INVALID_KEY`, `OBJECT_*`.
   */
  async get(name: string): Promise<CounterValue> {
    checkName('name', name);
    const read = (object: string) => this.#caller.call(object, 'read');
    const replies = await this.#eachShard(name, read, ({ shards }) => shards);
    const sum = Number(replies.reduce((total, { value }) => total + BigInt(value), 0n));
    if (!Number.isSafeInteger(sum)) throw outOfBounds(name, 'cannot be told');
    return { value: sum, approximate: replies.length > 1 };
  }

  /**
   * Gives a counter a value, whatever it is. Not with `shards`.
   *
   * @param name as for `increment`.
   * @param value a safe integer.
   * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_KEY`, `OBJECT_*`.
   */
  async set(name: string, value: number): Promise<void> {
    await this.#set(name, value, null);
  }

  /**
   * Gives a counter a value if it has the one that is expected; 0 where it does not exist. Not with `shards`.
   *
   * @param name as for `increment`.
   * @param change what it is expected to be, and what it becomes; safe integers.
   * @returns whether it was `applied`, and the value that the counter has then.
   * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_KEY`, `OBJECT_*`.
   */
  async compareAndSet(
    name: string,
    { expected, value }: { readonly expected: number; readonly value: number },
  ): Promise<CounterResult<Shards>> {
    checkSafeInteger('expected', expected);
    return this.#set(name, value, expected);
  }

  /**
   * Forgets a counter, its shards and its idempotency keys.
   *
   * @param name as for `increment`.
   * @throws {CloudflareClientError} `INVALID_KEY`, `OBJECT_*`.
   */
  async delete(name: string): Promise<void> {
    checkName('name', name);
    const operationId = this.#context.newId();
    const drop = (object: string) => this.#change(object, [{ kind: 'delete', operationId }]);
    await this.#eachShard(name, drop, ({ replies }) => replies[0]?.value ?? 0);
  }

  /**
   * Does a piece of work once, however many callers ask for it under one key: one does it, the others wait for its result. Work that throws
   * is not remembered: the error is its caller's, and the next caller does it. Once is meant as far as it can be: a runner that is not heard of
   * for `leaseMs` is replaced, and may by then have done all but tell. What may never be done twice checks `fence`.
   *
   * @param key names the work, 1 to 512 bytes; what stands before its first colon is shown in messages and events.
   * @param work what is done; what it returns must have a JSON form of at most 524,288 bytes to be told to others.
   * @param options how long its result is kept and waited for.
   * @returns what the work returned, now or before. Its own result, or error, is never hidden by a failure to store it.
   * @throws {CloudflareClientError} `ONCE_IN_PROGRESS`, when another still does it after `timeoutMs`; `IDEMPOTENCY_CONFLICT`, when the key was used with
   *   another fingerprint; `INVALID_VALUE`, when it was done and its result could not be kept; `INVALID_OPTION`, `INVALID_KEY`, `OBJECT_*`
   *   before it is done. The reason of `signal`, when it is aborted while waiting.
   */
  async once<T>(key: string, work: (run: OnceRun) => Promise<T>, options: OnceOptions = {}): Promise<OnceResult<T>> {
    return runOnce(this.#context, { key, work, options });
  }

  async #add(name: string, change: unknown, sign: 1 | -1): Promise<CounterResult<Shards>> {
    checkName('name', name);
    const operation = addOperation(change, sign, { shards: this.#shards, newId: this.#context.newId });
    const object = shardObject(name, this.#shardChoice()(name, operation.remember?.key));
    return this.#changeOne(name, object, operation);
  }

  async #set(name: string, value: number, expected: number | null): Promise<CounterResult<Shards>> {
    checkName('name', name);
    checkSafeInteger('value', value);
    if (this.#shards > 1) throw sharded(expected === null ? 'set' : 'compareAndSet', this.#shards);
    // -0 is no value that JSON and storage agree upon.
    const operation = { kind: 'set', operationId: this.#context.newId(), value: value + 0, expected } as const;
    return this.#changeOne(name, shardObject(name, 0), operation);
  }

  async #changeOne(name: string, object: string, operation: CounterOperation): Promise<CounterResult<Shards>> {
    const { replies, shards } = await this.#change(object, [operation]);
    return this.#result(name, replies[0] as ChangeReply, shards);
  }

  #change(object: string, operations: readonly CounterOperation[]): Promise<ChangedShard> {
    return this.#caller.call(object, 'change', { shards: this.#shards, operations });
  }

  #result(name: string, { outcome, value, replayed }: ChangeReply, shards: number): CounterResult<Shards> {
    if (outcome === 'out-of-bounds') throw outOfBounds(name, `stands at ${value} and is not changed`);
    if (outcome === 'sharded') throw sharded('What was asked', shards);
    if (outcome === 'conflict') {
      const message = `An idempotencyKey of the counter ${keyPrefix(name)}… was used before for another change.`;
      throw new CloudflareClientError('IDEMPOTENCY_CONFLICT', message);
    }
    const { events } = this.#context;
    if (replayed) report(events, { type: 'counter.replayed', keyPrefix: keyPrefix(name) });
    const isSharded = this.#shards > 1;
    const known = isSharded ? null : value;
    return {
      value: known as CounterResult<Shards>['value'],
      applied: outcome === 'applied',
      approximate: isSharded || shards > 1,
      replayed,
    };
  }

  /** Chooses a shard by key, or by chance: the same for all changes of a counter that are made together. */
  #shardChoice(): (name: string, key: string | undefined) => number {
    const chosen = new Map<string, number>();
    return (name, key) => {
      if (this.#shards === 1) return 0;
      if (key !== undefined) return shardOfKey(key, this.#shards);
      const shard = chosen.get(name) ?? Math.floor(this.#random() * this.#shards);
      chosen.set(name, shard);
      return shard;
    };
  }

  /** Asks every shard, then those beyond that the first know of. */
  async #eachShard<Reply>(
    name: string,
    ask: (object: string) => Promise<Reply>,
    shardsOf: (reply: Reply) => number,
  ): Promise<Reply[]> {
    const range = (from: number, to: number): Promise<Reply[]> =>
      Promise.all(Array.from({ length: to - from }, (_, index) => ask(shardObject(name, from + index))));
    const replies = await range(0, this.#shards);
    const widest = Math.min(MAX_SHARDS, Math.max(...replies.map(shardsOf)));
    return widest > this.#shards ? [...replies, ...(await range(this.#shards, widest))] : replies;
  }
}

function outOfBounds(name: string, what: string): CloudflareClientError {
  const bounds = `from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`;
  const message = `The counter ${keyPrefix(name)}… ${what}: the value would leave the safe integers, ${bounds}.`;
  return new CloudflareClientError('COUNTER_OUT_OF_BOUNDS', message);
}
