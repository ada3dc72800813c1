import { randomId } from '../../internal/random-id.js';
import type { CheckReply, RateLimitApi } from '../../durable-objects/rate-limit/rate-limit-api.js';
import { sha256 } from '../../internal/sha256.js';
import { ObjectCaller } from '../durable/object-caller.js';
import type { ObjectNamespaceLike } from '../durable/object-namespace.js';
import { utf8Bytes } from '../kv/key.js';
import { IsolateKnowledge } from './isolate-knowledge.js';
import type { Since } from './isolate-knowledge.js';
import { checkedReply, checkRequest, refundRequest, toDecision, toObjectRule } from './object-requests.js';
import { checkInteger } from '../check-option.js';
import type { RateLimitAttempt, RateLimitDecision, RateLimitStore } from './rate-limit-store.js';

const DEFAULT_TIMEOUT_MS = 2_000;
const DEFAULT_MAX_BLOCK_MS = 30_000;
const LONGEST_BLOCK_MS = 3_600_000;
const MAX_NAME_BYTES = 256;
const MAX_LEASE_UNITS = 10_000;
const MAX_LEASE_MS = 60_000;
const EXACT = { decidedBy: 'object', approximate: false } as const;

/** How long refusals are answered from the isolate's memory. */
export interface BlockCacheOptions {
  /**
   * Milliseconds after which the object is asked again at the latest, an integer from 1 to 3,600,000: for so long a reset or a refund made elsewhere
   * is not heard of.
   *
   * @default 30_000
   */
  readonly maxBlockMs?: number | undefined;
}

/** Units that an isolate takes ahead. */
export interface LeaseOptions {
  /** Units, an integer from 1 to 10,000; the object gives no more than an eighth of what is left. */
  readonly units: number;
  /**
   * Milliseconds in which they can be spent, an integer from 1 to 60,000; they count against the limit all that time and then as long as any attempt
   * does, spent or not.
   */
  readonly ttlMs: number;
}

/** Options of `ObjectRateLimitStore`. */
export interface ObjectRateLimitStoreOptions {
  /**
   * Milliseconds after which a call, with its retries, is given up.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How long refusals are answered from memory; `false`: not at all.
   *
   * @default { maxBlockMs: 30_000 }
   */
  readonly blockCache?: BlockCacheOptions | false | undefined;
  /**
   * Takes units ahead. Not for rules of `gcra`, and not for attempts with `requestId` or `countRejected`: those are decided one by one.
   *
   * @default none
   */
  readonly lease?: LeaseOptions | undefined;
  /**
   * Where new objects are made, such as `weur`.
   *
   * @default near the first caller
   */
  readonly locationHint?: string | undefined;
  /**
   * The clock, in milliseconds since the epoch: only how much time passes by it matters.
   *
   * @default Date.now
   */
  readonly now?: (() => number) | undefined;
  /**
   * Makes the id of an operation, the same for all tries of it.
   *
   * @default crypto.randomUUID
   */
  readonly operationId?: (() => string) | undefined;
  /**
   * Waits for so many milliseconds between tries; for tests.
   *
   * @default a timer
   */
  readonly delay?: ((ms: number) => Promise<void>) | undefined;
  /**
   * A number from 0 to 1, for the jitter between tries; for tests.
   *
   * @default Math.random
   */
  readonly random?: (() => number) | undefined;
}

const knowledgeOf = new WeakMap<object, IsolateKnowledge>();

/**
 * Counts exactly, in a Durable Object per key (`RateLimiterObject`). What it can know without a call it answers at once: a refusal that still
 * holds, and an attempt that a lease covers. `RateLimiterClient` makes one of a Durable Object namespace; make it yourself to put it behind a
 * `LayeredRateLimitStore`.
 *
 * @example
 * ```ts
 * const exact = new ObjectRateLimitStore(env.RATE_LIMITER, { blockCache: { maxBlockMs: 5_000 } });
 * const limiter = new RateLimiterClient(new LayeredRateLimitStore(env.FLOOD_FILTER, exact, { period: 10 }));
 * ```
 */
export class ObjectRateLimitStore implements RateLimitStore {
  /** The binding. */
  readonly origin: object;
  readonly #caller: ObjectCaller<RateLimitApi>;
  readonly #knowledge: IsolateKnowledge;
  readonly #timeoutMs: number;
  readonly #maxBlockMs: number;
  readonly #lease: LeaseOptions | undefined;
  readonly #now: () => number;
  readonly #operationId: () => string;

  /**
   * Takes the binding of the objects. What an isolate knows is shared by all stores over it.
   *
   * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
   */
  constructor(namespace: ObjectNamespaceLike, options: ObjectRateLimitStoreOptions = {}) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, locationHint, delay, random, lease, blockCache } = options;
    const className = 'RateLimiterObject';
    this.#caller = new ObjectCaller(namespace, { className, timeoutMs, locationHint, delay, random });
    this.origin = namespace;
    this.#timeoutMs = timeoutMs;
    this.#maxBlockMs = maxBlockMsOf(blockCache);
    if (lease !== undefined) checkLease(lease);
    this.#lease = lease;
    this.#now = options.now ?? Date.now;
    this.#operationId = options.operationId ?? randomId;
    let knowledge = knowledgeOf.get(namespace);
    if (knowledge === undefined) knowledgeOf.set(namespace, (knowledge = new IsolateKnowledge()));
    this.#knowledge = knowledge;
  }

  /**
   * Decides about an attempt and counts it; at once where the isolate knows the answer.
   *
   * @throws {CloudflareClientError} `OBJECT_FAILED`, `OBJECT_OVERLOADED`, `OBJECT_TIMEOUT`, `INVALID_BINDING`.
   */
  consume(attempt: RateLimitAttempt): RateLimitDecision | Promise<RateLimitDecision> {
    return this.recall(attempt) ?? this.#ask(attempt);
  }

  /** What the isolate knows about an attempt. Never of one that is named or counted when refused: those are the object's to decide. */
  recall(attempt: RateLimitAttempt): RateLimitDecision | undefined {
    if (attempt.countRejected || attempt.requestId !== undefined) return undefined;
    const now = this.#now();
    // Units that were taken ahead are good also when the object has no more.
    const spent = this.#lease === undefined ? undefined : this.#knowledge.leases.spend(attempt, now);
    if (spent !== undefined || this.#maxBlockMs === 0) return spent;
    return this.#knowledge.blocks.find(attempt, now);
  }

  /** What `consume` would answer, by the object. Throws as `consume` does. */
  async peek({ key, rules, cost }: RateLimitAttempt): Promise<RateLimitDecision> {
    const reply = await this.#caller.call(await nameOf(key), 'peek', { rules: rules.map(toObjectRule), cost });
    return toDecision(reply, this.#now(), EXACT);
  }

  /** Gives units back: with `requestId` those that this attempt took, once. Throws as `consume` does. */
  async refund(attempt: RateLimitAttempt): Promise<number> {
    const { key } = attempt;
    const request = refundRequest(attempt, this.#operationId);
    this.#knowledge.refund(key);
    try {
      const { refunded } = await this.#caller.call(await nameOf(key), 'refund', request);
      return refunded;
    } finally {
      this.#knowledge.refund(key);
    }
  }

  /** Refuses everything under `key`; this isolate does so from memory. Throws as `consume` does. */
  async block(key: string, _keyPrefix: string, durationMs: number): Promise<number> {
    const askedAt = this.#now();
    const call = async () => this.#caller.call(await nameOf(key), 'block', { durationMs });
    const { blockedUntil } = await this.#ending(key, call, () => {
      if (this.#maxBlockMs === 0) return;
      this.#knowledge.blocks.block(key, durationMs, { askedAt, maxBlockMs: this.#maxBlockMs });
    });
    return blockedUntil;
  }

  /** Forgets counts and block, here at once; other isolates go on refusing for `maxBlockMs` at most. Throws as `consume` does. */
  async reset(key: string): Promise<void> {
    await this.#ending(key, async () => this.#caller.call(await nameOf(key), 'reset'));
  }

  async #ask(attempt: RateLimitAttempt): Promise<RateLimitDecision> {
    const { key } = attempt;
    const since = this.#knowledge.now;
    const askedAt = this.#now();
    const lease = this.#leaseFor(attempt, askedAt);
    const request = checkRequest(attempt, this.#operationId);
    try {
      const name = await nameOf(key);
      const asked = lease === undefined ? request : { ...request, lease };
      const reply = checkedReply(await this.#caller.call(name, 'check', asked));
      const decision = toDecision(reply, this.#now(), EXACT);
      this.#remember(attempt, { reply, decision, askedAt, since });
      return decision;
    } finally {
      if (lease !== undefined) this.#knowledge.leases.giveUp(key);
    }
  }

  #remember(attempt: RateLimitAttempt, { reply, decision, askedAt, since }: Answer): void {
    const { blocks, leases } = this.#knowledge;
    const { key } = attempt;
    if (!reply.allowed) {
      if (reply.reason === 'blocked') leases.forget(key);
      if (this.#maxBlockMs === 0 || !this.#knowledge.isRefusalGood(key, since)) return;
      blocks.refuse(attempt, decision, { askedAt, maxBlockMs: this.#maxBlockMs });
    } else if (reply.leased > 0 && this.#lease !== undefined && this.#knowledge.isLeaseGood(key, since)) {
      const until = askedAt + this.#lease.ttlMs;
      leases.keep(attempt, { decisions: reply.rules, units: reply.leased, askedAt, until });
    }
  }

  #leaseFor({ key, rules, countRejected, requestId }: RateLimitAttempt, now: number): LeaseOptions | undefined {
    if (this.#lease === undefined || countRejected || requestId !== undefined) return undefined;
    if (rules.some(({ algorithm }) => algorithm === 'gcra')) return undefined;
    return this.#knowledge.leases.begin(key, now, this.#timeoutMs) ? this.#lease : undefined;
  }

  /**
   * Makes a call that ends what the isolate knows of a key: it forgets before, so as to ask, and after, as answers of meanwhile can be from before.
   * What it learns by it stands only where no other such call was under way, as the object may have done that one later.
   */
  async #ending<T>(key: string, call: () => Promise<T>, learn: () => void = () => undefined): Promise<T> {
    const knowledge = this.#knowledge;
    knowledge.end(key);
    const since = knowledge.now;
    let isLast = false;
    try {
      const answer = await call();
      isLast = knowledge.isLeaseGood(key, since);
      return answer;
    } finally {
      knowledge.end(key);
      if (isLast) learn();
    }
  }
}

/** What an object answered, and when it was asked. */
interface Answer {
  readonly reply: CheckReply;
  readonly decision: RateLimitDecision;
  readonly askedAt: number;
  readonly since: Since;
}

function maxBlockMsOf(blockCache: BlockCacheOptions | false | undefined): number {
  if (blockCache === false) return 0;
  const maxBlockMs = blockCache?.maxBlockMs ?? DEFAULT_MAX_BLOCK_MS;
  checkInteger('blockCache.maxBlockMs', maxBlockMs, 1, LONGEST_BLOCK_MS);
  return maxBlockMs;
}

function checkLease({ units, ttlMs }: LeaseOptions): void {
  checkInteger('lease.units', units, 1, MAX_LEASE_UNITS);
  checkInteger('lease.ttlMs', ttlMs, 1, MAX_LEASE_MS);
}

/** The name of a key's object. The platform's own ids keep a name of so many bytes readable; longer ones are hashed. */
async function nameOf(key: string): Promise<string> {
  return utf8Bytes(key) <= MAX_NAME_BYTES ? key : `sha256:${await sha256(key)}`;
}
