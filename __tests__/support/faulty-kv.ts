import type { KVNamespaceLike } from '../../src/clients/kv/kv-namespace.js';

/** How KV misbehaves. `slow` answers, later than anybody waits. */
export type KVFault = 'read fails' | 'read hangs' | 'read is garbage' | 'write gets 429' | 'write hangs' | 'slow';

/** When and how a namespace misbehaves. */
export interface FaultPlan {
  readonly fault: KVFault | undefined;
  /** Whether the next operation that the fault can hit is hit. */
  readonly isHit: () => boolean;
  /** Chances from 0 to below 1. */
  readonly random: () => number;
  readonly delay: (ms: number) => Promise<void>;
  /** How long an operation takes that goes well, in milliseconds. */
  readonly latencyMs: () => number;
  readonly slowMs?: number;
}

/** A namespace in front of another that misbehaves as planned, and counts how often it did. */
export class FaultyKV {
  injected = 0;
  readonly #kv: KVNamespaceLike;
  #plan: FaultPlan;

  constructor(kv: KVNamespaceLike, plan: FaultPlan) {
    this.#kv = kv;
    this.#plan = plan;
  }

  /** Ends the fault. */
  heal(): void {
    this.#plan = { ...this.#plan, fault: undefined };
  }

  get = (async (keys: string, type: 'text') => this.#read(keys, () => this.#kv.get(keys, type))) as never;

  getWithMetadata = (async (keys: string | string[], type: 'text') =>
    this.#read(keys, () => this.#kv.getWithMetadata(keys as string, type))) as never;

  async put(...args: Parameters<KVNamespaceLike['put']>): Promise<void> {
    await this.#passSlow();
    if (this.#plan.fault === 'write gets 429' && this.#hits()) throw new Error('KV PUT failed: 429 Too Many Requests');
    if (this.#plan.fault === 'write hangs' && this.#hits()) return new Promise(() => undefined);
    await this.#kv.put(...args);
  }

  async delete(key: string): Promise<void> {
    await this.#passSlow();
    await this.#kv.delete(key);
  }

  list = async (...args: Parameters<KVNamespaceLike['list']>) => this.#kv.list(...args);

  async #read(keys: string | string[], read: () => Promise<unknown>): Promise<unknown> {
    await this.#passSlow();
    const { fault, random } = this.#plan;
    const isRead = fault === 'read fails' || fault === 'read hangs' || fault === 'read is garbage';
    if (!isRead || !this.#hits()) return read();
    if (fault === 'read hangs') return new Promise(() => undefined);
    if (fault === 'read is garbage') return Array.isArray(keys) ? garbageMap(keys, random) : garbage(random);
    throw new Error('KV GET failed: 500 Internal Server Error');
  }

  async #passSlow(): Promise<void> {
    const { fault, latencyMs, delay, slowMs = 5000 } = this.#plan;
    const ms = fault === 'slow' && this.#hits() ? slowMs : latencyMs();
    if (ms > 0) await delay(ms);
  }

  #hits(): boolean {
    if (!this.#plan.isHit()) return false;
    this.injected += 1;
    return true;
  }
}

/** What no entry looks like. A text that is JSON and has no metadata is missing: that is an entry which something else wrote. */
const GARBAGE: readonly unknown[] = [
  undefined,
  null,
  42,
  [],
  {},
  '',
  'no JSON',
  '{"torn":',
  { value: '', metadata: null },
  { value: '{"torn":', metadata: null },
  { value: '\u0000\ufffd\ud83d', metadata: { v: 1, c: 0, e: 9e15 } },
  { value: '{"torn":', metadata: { v: 1, c: 1.7e12, e: 9e15 } },
  { value: '{"key":"of nobody"}', metadata: { v: 1, c: 'x', e: 'y' } },
  { value: '{"key":"of nobody"}', metadata: { v: 1 } },
  { value: '{"key":"of nobody"}', metadata: { v: 1, c: 1, e: 1 } },
  { value: '{"key":"of nobody"}', metadata: { v: 1, c: 9e15, e: 9e15 } },
  { value: '{"key":"of nobody"}', metadata: { v: 1, c: 1.7e12, e: 9e15, g: 'tag' } },
  { value: '{"key":"of nobody"}', metadata: { v: 1, c: 1.7e12, e: 9e15, g: [1, null] } },
  { value: '{"key":"of nobody"}', metadata: { v: 1, c: 1.7e12, e: 9e15, f: 'unknown' } },
  { value: { parsed: true }, metadata: null },
  { value: undefined, metadata: undefined },
];

function garbage(random: () => number): unknown {
  return GARBAGE[Math.floor(random() * GARBAGE.length)];
}

function garbageMap(keys: readonly string[], random: () => number): unknown {
  const shape = random();
  if (shape < 0.1) return undefined;
  if (shape < 0.2) return {};
  if (shape < 0.3) return new Map();
  if (shape < 0.4) return new Map([['asked by nobody', { value: '1', metadata: null }]]);
  return new Map(keys.map((key) => [key, garbage(random)]));
}
