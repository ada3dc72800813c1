import { findDataFault } from '../codecs/value-kind.js';
import type { CachePolicy } from './cache-policy.js';
import type { IsolateCache } from './isolate-cache.js';
import type { LoadToken } from './load-token.js';

/** One read, load or write under way for a key, with what the callers that join it need. */
export class Flight {
  /** How its caller asked. */
  readonly policy: CachePolicy;
  /** How many changes, drops and invalidations the isolate had seen when it began. */
  readonly changes: number;
  readonly drops: number;
  readonly invalidations: number;
  /** What the first caller is given. Others wait for it, and never for a promise that this caller would have to settle. */
  leader: Promise<unknown> | undefined;
  /** Set while it loads or writes: other requests of the isolate reach it by this. */
  token: LoadToken | undefined;
  /** The load that its caller waits for. */
  load: Flight | undefined;
  /** The write under way; it never rejects. */
  writing: Promise<unknown> | undefined;
  /** What is stored for the value, and in which format: of it each caller that joins makes an object of its own. */
  text: string | undefined;
  format = '';
  /** How many joined. */
  joiners = 0;
  /** A copy for those who joined, where nothing is stored; made before the first caller can change the value. */
  snapshot: { readonly value: unknown } | undefined;
  /** Flights for the same key, of callers who asked in other ways: an older one, and a younger one. */
  older: Flight | undefined;
  younger: Flight | undefined;
  /** Set when a change of the key took it down. */
  isDown = false;
  #isSuperseded = false;

  constructor(policy: CachePolicy, { fence, marks }: IsolateCache) {
    this.policy = policy;
    this.changes = fence.changes.count;
    this.drops = fence.drops.count;
    this.invalidations = marks.count;
  }

  /** Whether its key was deleted or written since: what this flight found is older, and is neither stored nor shared. */
  get isSuperseded(): boolean {
    return this.#isSuperseded || this.token?.isSuperseded === true || this.load?.isSuperseded === true;
  }

  /** Whether it got as far as loading, so that a change of the key by any request is told to it. */
  get isLoading(): boolean {
    return this.token !== undefined || this.load?.token !== undefined;
  }

  /** Parts with it. */
  supersede(): void {
    this.#isSuperseded = true;
    if (this.token !== undefined) this.token.isSuperseded = true;
  }

  /** Keeps a copy of the value for those who joined, where there is no text to make one of. */
  keepSnapshot(value: unknown): void {
    if (this.joiners > 0 && this.text === undefined) this.snapshot = { value: copyOf(value) };
  }
}

/** A copy of plain data, Dates, Maps, Sets and the like; what a copy would change (an instance of a class, a stream) is handed out as it is. */
export function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null || !isCopyable(value, new Set())) return value;
  try {
    return structuredClone(value);
  } catch {
    return value;
  }
}

const COPYABLE = ['a Date', 'a RegExp', 'an ArrayBuffer'];

function isCopyable(value: unknown, seen: Set<object>): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function' && typeof value !== 'symbol';
  if (seen.has(value)) return true;
  seen.add(value);
  const fault = findDataFault(value);
  if (fault === null) return Object.values(value).every((part) => isCopyable(part, seen));
  if (fault === 'a Map' || fault === 'a Set') {
    return [...(value as Iterable<unknown>)].every((part) => isCopyable(part, seen));
  }
  return COPYABLE.includes(fault) || (ArrayBuffer.isView(value) && /^an? (?:\w+Array|DataView)$/.test(fault));
}
