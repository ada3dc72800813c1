import type { Fault, FaultKind } from './faults.js';

/** Kinds of traffic, with how many a minute there are. A kind may be several requests. */
export const PER_MINUTE = {
  list: 240,
  me: 150,
  play: 60,
  hls: 20,
  login: 16,
  logout: 12,
  'logout everywhere': 4,
  limit: 6,
  publish: 12,
  upload: 12,
  'upload signed': 6,
  'upload in parts': 4,
} as const;

/** A kind of traffic. */
export type Traffic = keyof typeof PER_MINUTE;

/** What befalls a request: a fault of its bindings, the client's leaving, or nothing. */
export interface Fate {
  readonly fault: Fault | null;
  /** When the client leaves: so many milliseconds after it asked, or when the answer begins. */
  readonly leaves: { readonly afterMs: number } | 'mid-stream' | null;
}

/** One step of the plan. */
export interface Step {
  readonly atMs: number;
  readonly traffic: Traffic;
  readonly fate: Fate;
  /** From 0 to below 1: which user it is, which sizes. */
  readonly dice: readonly number[];
}

type Menu = readonly `${FaultKind}:${number | 'all'}`[];
const KV: Menu = ['kv-error:1', 'kv-error:all', 'kv-hang:1', 'kv-stale:all'];
/** What the client's retries absorb. */
const OBJECTS: Menu = ['object-retryable:1', 'object-lost:1', 'object-reset:1'];

/** What can befall each kind of traffic. */
export const MENU: Readonly<Record<Traffic, Menu>> = {
  list: [...KV, 'r2-error:1', 'r2-error:all'],
  me: [...KV, ...OBJECTS, 'object-overloaded:1', 'object-down:all'],
  play: [...KV, ...OBJECTS, 'object-down:all'],
  hls: ['r2-error:1', 'r2-cut:1', 'r2-error:all'],
  login: [...KV, ...OBJECTS],
  logout: [...KV, ...OBJECTS],
  'logout everywhere': [...OBJECTS, 'kv-error:all'],
  limit: [...OBJECTS, 'object-down:all', 'object-overloaded:all'],
  publish: [...KV, ...OBJECTS],
  upload: [...KV, ...OBJECTS, 'r2-error:1', 'r2-error:all'],
  'upload signed': [...KV],
  'upload in parts': [...KV],
};

/** Faults for which nothing is configured that could absorb them, and why: a 5xx is then right. */
export const MAY_FAIL: Readonly<Partial<Record<`${Traffic} ${string}`, string>>> = {
  'list r2-error:all': 'nothing cached, and the listing of the bucket fails',
  'hls r2-error:all': 'the bucket does not answer',
  'hls r2-cut:1': 'the answer has begun; it breaks off',
  'play object-down:all': 'the counter and sessions fail closed',
  'upload r2-error:1': 'a stream cannot be sent twice',
  'upload r2-error:all': 'the bucket does not answer',
  'logout kv-error:1': 'a session that may not be ended is an error',
  'logout kv-error:all': 'a session that may not be ended is an error',
  'logout kv-hang:1': 'a session that may not be ended is an error',
  'logout everywhere kv-error:all': 'sessions that may not be ended are an error',
};

/** Whether nothing that is configured absorbs a fault. */
export function mayFail(traffic: Traffic, fault: Fault | null): boolean {
  return fault !== null && `${traffic} ${fault.kind}:${fault.times === Infinity ? 'all' : fault.times}` in MAY_FAIL;
}

const FAULTY = 0.35;
const LEAVING = 0.06;

/** The steps of a run, in order: the same for the same seed and length. */
export function plan(seconds: number, random: () => number): Step[] {
  const steps: Step[] = [];
  for (const [traffic, perMinute] of Object.entries(PER_MINUTE) as [Traffic, number][]) {
    const count = Math.max(2, Math.round((perMinute * seconds) / 60));
    for (let index = 0; index < count; index += 1) {
      const atMs = ((index + random()) / count) * seconds * 1000;
      steps.push({ atMs, traffic, fate: fateOf(traffic, random), dice: [random(), random(), random()] });
    }
  }
  return steps.sort((one, other) => one.atMs - other.atMs);
}

function fateOf(traffic: Traffic, random: () => number): Fate {
  const fault = random() < FAULTY ? pick(MENU[traffic], random) : null;
  const isLeaving = random() < LEAVING;
  const afterMs = Math.floor(random() * 40);
  const leaves = random() < 0.5 ? { afterMs } : 'mid-stream';
  return { fault: fault === null ? null : parse(fault), leaves: isLeaving ? leaves : null };
}

function pick<T>(items: readonly T[], random: () => number): T | null {
  return items[Math.floor(random() * items.length)] ?? null;
}

function parse(text: string): Fault {
  const [kind = '', times = ''] = text.split(':');
  return { kind: kind as FaultKind, times: times === 'all' ? Infinity : Number(times) };
}
