import type { SessionEnds } from './session-marks.js';

const MAX_KEPT = 1_000;

/** A map that forgets the oldest when it is full. */
class RecentMap<V> {
  readonly #values = new Map<string, V>();

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: V): void {
    this.#values.delete(key);
    if (this.#values.size >= MAX_KEPT) this.#values.delete(this.#values.keys().next().value ?? '');
    this.#values.set(key, value);
  }

  deleteWhere(isGone: (value: V, key: string) => boolean): void {
    for (const [key, value] of this.#values) if (isGone(value, key)) this.#values.delete(key);
  }
}

/** What an object answered, and when it was asked, by this isolate's clock. */
export interface KnownRevocations extends SessionEnds {
  readonly userId: string;
  readonly askedAt: number;
}

/** What the clients of all requests of an isolate know together about the sessions of one namespace. It holds hashes of tokens, no token. */
export class SessionMemory {
  /** By id of a session: whose it was when it was last found. Tells which marks to read along, and decides nothing. */
  readonly users = new RecentMap<string>();
  /** By id: when it was last noted that the session is in use. */
  readonly seen = new RecentMap<number>();
  /** By id: what its user's object said. Used where `verifiedForMs` allows it. */
  readonly revocations = new RecentMap<KnownRevocations>();
  /** How often this isolate ended something: what an object was asked before is not to be remembered after. */
  ends = 0;
}

const memories = new WeakMap<object, SessionMemory>();

/** What this isolate knows about a namespace. Told apart by the binding: other environments have other ones. */
export function sessionMemoryOf(namespace: object): SessionMemory {
  let memory = memories.get(namespace);
  if (memory === undefined) memories.set(namespace, (memory = new SessionMemory()));
  return memory;
}
