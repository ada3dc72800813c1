import { assertFence } from '../../src/clients/durable/assert-fence.js';
import { LockClient } from '../../src/clients/durable/lock-client.js';
import type { Lock } from '../../src/clients/durable/lock.js';
import { LockMachine } from '../../src/durable-objects/lock/lock-machine.js';
import type { LockAnswer, LockRequest } from '../../src/durable-objects/lock/lock-api.js';
import { MemoryObjectNamespace } from '../../src/durable-objects/memory-object-namespace.js';
import type { ObjectFault } from '../../src/durable-objects/memory-object-namespace.js';
import type { ObjectHost } from '../../src/durable-objects/object-host.js';
import { isCloudflareClientError } from '../../src/errors.js';
import { START } from './locks.js';
import { seededRandom } from './seeded.js';
import { VirtualTime } from './virtual-time.js';

/** A machine, or a broken one. */
export type MakeLockMachine = (host: ObjectHost) => LockMachine;

/** What goes wrong in a history. */
export interface HistoryOptions {
  readonly seed: number;
  readonly attempts: number;
  /** The part of the calls that go wrong. */
  readonly faultRate: number;
  /** How often all objects are reset, or lose their memory, on average: every so many milliseconds. */
  readonly resetEveryMs: number | undefined;
  readonly make?: MakeLockMachine | undefined;
}

/** One attempt to hold a lock, and what came of it. */
export interface Attempt {
  readonly owner: string;
  readonly lock: string;
  readonly permits: number;
  /** When the object first let it wait: its place among others. */
  ticket: number | undefined;
  /** Whether it waits, as far as itself is concerned. */
  isWaiting: boolean;
  isDead: boolean;
  fence: number | undefined;
  /** When it believed to hold the lock: from the first, up to and without the second. */
  from: number;
  until: number;
}

/** What happened. */
export interface History {
  readonly attempts: readonly Attempt[];
  /** Fences in the order in which objects gave them, by lock. */
  readonly granted: ReadonlyMap<string, readonly number[]>;
  readonly faults: readonly string[];
  /** How many writes of holders and of former holders the resource took and refused. */
  readonly writes: { accepted: number; refused: number };
}

const LOCKS = [
  { name: 'one:a', permits: 1 },
  { name: 'one:b', permits: 1 },
  { name: 'pool', permits: 3 },
];
const FAULTS: readonly ObjectFault[] = [
  'unavailable',
  'lost-reply',
  'reset',
  'reset-after',
  'overloaded',
  'failed',
  'hang',
];
/** How long after a reset a newcomer may come before those who still find their way back. */
const AFTER_RESET_MS = 1_000;

/** Runs a random history of many clients in virtual time and records it. */
export async function playHistory(options: HistoryOptions): Promise<History> {
  const time = new VirtualTime();
  const restore = time.install();
  try {
    const play = new Play(options, time);
    const all = Promise.all(Array.from({ length: options.attempts }, (_, index) => play.attempt(index)));
    all.catch(() => undefined);
    play.resetAtTimes();
    await time.run();
    await all;
    return play.history();
  } finally {
    restore();
  }
}

class Play {
  readonly #random: () => number;
  readonly #time: VirtualTime;
  readonly #options: HistoryOptions;
  readonly #namespace: MemoryObjectNamespace;
  readonly #attempts = new Map<string, Attempt>();
  readonly #granted = new Map<string, number[]>();
  readonly #faults: string[] = [];
  readonly #resources = new Map<string, Map<string, unknown>>();
  readonly #writes = { accepted: 0, refused: 0 };
  /** Owners whom an object granted a lock. */
  readonly #holders = new Set<string>();
  #resetAt = -Infinity;

  constructor(options: HistoryOptions, time: VirtualTime) {
    this.#options = options;
    this.#time = time;
    this.#random = seededRandom(options.seed);
    const make: MakeLockMachine = options.make ?? ((host) => new LockMachine(host));
    this.#namespace = new MemoryObjectNamespace((host) => this.#watched(make(host)), {
      now: this.#now,
      faults: () => (this.#random() < options.faultRate ? this.#fault() : undefined),
    });
  }

  readonly #now = (): number => START + this.#time.elapsed();

  history(): History {
    return {
      attempts: [...this.#attempts.values()],
      granted: this.#granted,
      faults: this.#faults,
      writes: this.#writes,
    };
  }

  resetAtTimes(): void {
    const { resetEveryMs } = this.#options;
    if (resetEveryMs === undefined) return;
    const end = this.#options.attempts * 400;
    for (let at = resetEveryMs; at < end; at += 1 + 2 * this.#random() * resetEveryMs) {
      const isReset = this.#random() < 0.7;
      setTimeout(() => (isReset ? this.#reset() : this.#namespace.evict()), at);
    }
  }

  async attempt(index: number): Promise<void> {
    const { name, permits } = LOCKS[Math.floor(this.#random() * LOCKS.length)]!;
    const owner = `owner-${index}`;
    const attempt: Attempt = {
      owner,
      lock: name,
      permits,
      ticket: undefined,
      isWaiting: false,
      isDead: false,
      fence: undefined,
      from: 0,
      until: Infinity,
    };
    // A clock of its own, and another idea of what time it is.
    const skew = Math.floor((this.#random() - 0.5) * 1e7);
    const client = new LockClient(this.#linked(attempt), {
      now: () => this.#now() + skew,
      newId: () => owner,
      random: this.#random,
      timeoutMs: 2_000,
    });
    const plan = planOf(this.#random);
    await this.#time.delay(this.#random() * this.#options.attempts * 400);
    this.#attempts.set(owner, attempt);
    if (plan.diesAfterMs !== undefined) setTimeout(() => (attempt.isDead = true), plan.diesAfterMs);
    const lock = await this.#acquire(client, attempt, plan);
    if (lock !== null) await this.#hold(lock, attempt, plan);
  }

  async #acquire(client: LockClient, attempt: Attempt, plan: Plan): Promise<Lock | null> {
    const { ttlMs, autoRenew, waitMs, abortAfterMs } = plan;
    const wanted = { ttlMs, autoRenew, permits: attempt.permits };
    const controller = new AbortController();
    if (abortAfterMs !== undefined) {
      setTimeout(() => {
        attempt.isWaiting = false;
        controller.abort(new Error('gone'));
      }, abortAfterMs);
    }
    attempt.isWaiting = waitMs > 0;
    const endOfWait = setTimeout(() => (attempt.isWaiting = false), waitMs);
    try {
      if (waitMs === 0) return await client.tryAcquire(attempt.lock, wanted);
      return await client.acquire(attempt.lock, { ...wanted, timeoutMs: waitMs, signal: controller.signal });
    } catch (error) {
      if (!isCloudflareClientError(error)) throw error;
      return null;
    } finally {
      attempt.isWaiting = false;
      clearTimeout(endOfWait);
    }
  }

  async #hold(lock: Lock, attempt: Attempt, plan: Plan): Promise<void> {
    attempt.fence = lock.fence;
    attempt.from = this.#now();
    const { signal } = lock;
    const end = (): void => void (attempt.until = Math.min(attempt.until, this.#now()));
    if (signal.aborted) end();
    signal.addEventListener('abort', end);
    this.#write(lock);
    await this.#time.delay(plan.holdMs);
    this.#write(lock);
    if (this.#random() < 0.2) await lock.extend().catch(() => undefined);
    await this.#time.delay(plan.pauseMs);
    this.#write(lock);
    if (plan.releases) {
      if (!lock.signal.aborted) end();
      await lock.release().catch(() => undefined);
    }
    await this.#time.delay(this.#random() * 2_000);
    this.#write(lock);
    // A lease that is renewed and never given back would go on for ever.
    if (!plan.releases) attempt.isDead = true;
  }

  /** Writes to what the lock protects; what it takes must be in the order of fences, and it takes all from who holds the lock. */
  #write(lock: Lock): void {
    if (lock.name === 'pool') return;
    const isHeld = !lock.signal.aborted && this.#attemptOf(lock).until === Infinity;
    const rows = this.#resources.get(lock.name) ?? new Map<string, unknown>();
    this.#resources.set(lock.name, rows);
    const storage = {
      get: (key: string) => rows.get(key),
      put: (key: string, value: unknown) => void rows.set(key, value),
    };
    try {
      assertFence(storage, lock.fence);
      const last = (rows.get('value') as number | undefined) ?? 0;
      if (last > lock.fence) this.#faults.push(`${lock.name}: a write of ${lock.fence} after one of ${last}`);
      rows.set('value', lock.fence);
      this.#writes.accepted += 1;
    } catch (error) {
      if (!isCloudflareClientError(error, 'FENCE_STALE')) throw error;
      this.#writes.refused += 1;
      if (isHeld) this.#faults.push(`${lock.name}: a write of the holder with ${lock.fence} was refused`);
    }
  }

  #attemptOf(lock: Lock): Attempt {
    return [...this.#attempts.values()].find(({ fence, lock: name }) => fence === lock.fence && name === lock.name)!;
  }

  /** The way to the objects, which is cut when its client dies: nothing goes out, nothing comes in. */
  #linked(attempt: Attempt): MemoryObjectNamespace {
    const never = new Promise<never>(() => undefined);
    const get = (id: { name: string }): object => {
      const stub = this.#namespace.get(id) as Record<string, (request: unknown) => Promise<unknown>>;
      return new Proxy(stub, {
        get: (_, method: string) => async (request: unknown) => {
          if (attempt.isDead) return never;
          // On the way there, and back.
          await this.#time.delay(1 + this.#random() * 30);
          const answer = await stub[method]!(request).then(
            (value) => ({ value }),
            (error: unknown) => ({ error }),
          );
          await this.#time.delay(1 + this.#random() * 30);
          if (this.#isDead(attempt)) return never;
          if ('error' in answer) throw answer.error;
          return answer.value;
        },
      });
    };
    return { idFromName: (name: string) => ({ name }), get } as unknown as MemoryObjectNamespace;
  }

  #isDead({ isDead }: Attempt): boolean {
    return isDead;
  }

  #watched(machine: LockMachine): LockMachine {
    const acquire = machine.acquire.bind(machine);
    machine.acquire = (request: LockRequest) => {
      const answer = acquire(request);
      const attempt = this.#attempts.get(request.owner)!;
      if (answer instanceof Promise) {
        // Nobody may listen to it any more.
        void answer.then(
          ({ state }) =>
            state === 'granted' && this.#faults.push(`${attempt.owner} was granted a lock while it waited`),
        );
        return answer;
      }
      this.#note(attempt, answer, () => attempt.permits - machine.status().holders + 1);
      return answer;
    };
    return machine;
  }

  #note(attempt: Attempt, answer: LockAnswer, places: () => number): void {
    if (answer.state === 'wait') attempt.ticket ??= answer.ticket;
    if (answer.state !== 'granted') return;
    const fences = this.#granted.get(attempt.lock) ?? [];
    this.#granted.set(attempt.lock, fences);
    if (fences.includes(answer.fence)) return;
    fences.push(answer.fence);
    this.#checkLine(attempt, places());
  }

  /** Before one who is granted a lock fewer wait, of those who live, than there were places. With faults, who lives is not known. */
  #checkLine(granted: Attempt, places: number): void {
    this.#holders.add(granted.owner);
    if (this.#options.faultRate > 0) return;
    if (granted.ticket === undefined && this.#now() < this.#resetAt + AFTER_RESET_MS) return;
    const earlier = [...this.#attempts.values()].filter(
      ({ owner, lock, ticket, isWaiting, isDead }) =>
        lock === granted.lock &&
        isWaiting &&
        !isDead &&
        (ticket ?? Infinity) < (granted.ticket ?? Infinity) &&
        // Else it was granted, and does not know yet.
        !this.#holders.has(owner),
    );
    if (earlier.length < places) return;
    this.#faults.push(`${granted.lock}: ${granted.owner} passed ${earlier.map(({ owner }) => owner).join(', ')}`);
  }

  #fault(): ObjectFault {
    const fault = FAULTS[Math.floor(this.#random() * FAULTS.length)]!;
    if (fault.startsWith('reset')) this.#resetAt = this.#now();
    return fault;
  }

  #reset(): void {
    this.#resetAt = this.#now();
    this.#namespace.reset();
  }
}

/** What a client is going to do. */
function planOf(random: () => number) {
  const chance = (part: number): boolean => random() < part;
  return {
    ttlMs: 1_000 + Math.floor(random() * 2_000),
    autoRenew: chance(0.5),
    waitMs: chance(0.2) ? 0 : Math.floor(random() * 15_000),
    abortAfterMs: chance(0.1) ? random() * 3_000 : undefined,
    // In the line or while it holds.
    diesAfterMs: chance(0.15) ? random() * 4_000 : undefined,
    holdMs: chance(0.1) ? 0 : random() * 1_500,
    // It stops, looks at nothing meanwhile, and goes on as if nothing had been.
    pauseMs: chance(0.2) ? random() * 6_000 : 0,
    releases: chance(0.9),
  };
}

type Plan = ReturnType<typeof planOf>;

/** What is wrong with a history: sentences, none when all is well. */
export function findFaults({ attempts, granted, faults }: History): string[] {
  const found = [...faults];
  for (const [lock, fences] of granted) {
    fences.forEach((fence, index) => {
      if (fence <= (fences[index - 1] ?? 0)) found.push(`${lock}: fence ${fence} after ${fences[index - 1]}`);
    });
  }
  for (const { name, permits } of LOCKS) {
    const held = attempts.filter(({ lock, fence }) => lock === name && fence !== undefined);
    const owners = new Set(held.map(({ fence }) => fence));
    if (owners.size !== held.length) found.push(`${name}: two hold the same fence`);
    for (const one of held) {
      const together = held.filter(({ from, until }) => from <= one.from && one.from < until);
      if (together.length > permits) {
        found.push(`${name}: ${together.map(({ owner }) => owner).join(', ')} at once at ${one.from - START}`);
      }
    }
  }
  return found;
}
