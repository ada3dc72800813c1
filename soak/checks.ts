import type { Exchange } from './client.js';
import { coverageOf, missingKinds } from './coverage.js';
import type { Notes } from './notes.js';
import {
  changedContents,
  countBreaches,
  limitBreaches,
  listBreaches,
  memoryGrowth,
  revivedSessions,
  type Counted,
  type MemorySample,
  type Transfer,
} from './oracles.js';
import { STALENESS_MS } from './faults.js';
import { mayFail, PER_MINUTE, type Traffic } from './plan.js';

const LOGIN_LIMIT = 5;
const LOGIN_WINDOW_MS = 900_000;
/** With SESSIONS bound, a session is refused from the next request on. */
const REVOCATION_BOUND_MS = 0;
/** A stale marker, a load that failed and is not tried again so soon (`refreshBackoffSeconds: 10`), and a read that hung (`timeoutMs` 2 s, twice). */
const LIST_BOUND_MS = STALENESS_MS + 10_000 + 4_000;
/** What a third of a run may add to what is left after collections: sessions that are remembered, the soak's own history of KV; more where it is long. */
const GROWTH_MIB = 8;
/** In a short run the heap still grows to what it works with. */
const SHORT_GROWTH_MIB = 48;
const SHORT_MINUTES = 2;
const GROWTH_MIB_A_MINUTE = 0.5;

/** What a run left behind. */
export interface Evidence {
  readonly exchanges: readonly Omit<Exchange, 'body'>[];
  readonly notes: Notes;
  readonly counters: readonly Counted[];
  readonly stored: readonly Transfer[];
  readonly memory: Readonly<Record<string, readonly MemorySample[]>>;
  readonly minutes: number;
}

/** A check, with what it looked at, and what it found wrong. */
export interface Check {
  readonly name: string;
  readonly looked: string;
  readonly breaches: readonly string[];
}

/** Everything that must hold at the end. */
export function checksOf({ exchanges, notes, counters, stored, memory, minutes }: Evidence): Check[] {
  const extra = (identifier: string): number => (notes.withoutObjects.has(identifier) ? LOGIN_LIMIT : 0);
  const limit = { limit: LOGIN_LIMIT, windowMs: LOGIN_WINDOW_MS, extra };
  const changed = changedContents(stored);
  const coverage = coverageOf(exchanges, notes);
  return [
    {
      name: 'no request hung',
      looked: `${exchanges.length} requests, deadline 20 s`,
      breaches: exchanges.filter(({ outcome }) => outcome === 'hung').map(describe),
    },
    {
      name: 'no 5xx that a fallback should have absorbed',
      looked: `${exchanges.filter(({ injected }) => injected > 0).length} answers with faults`,
      breaches: [...exchanges.filter(isUnabsorbed).map(describe), ...notes.surprises],
    },
    {
      name: 'no limit exceeded',
      looked: `${notes.accepted.length} guesses let through, ${LOGIN_LIMIT} in 15 min each`,
      breaches: limitBreaches(notes.accepted, limit),
    },
    {
      name: 'no session accepted after its end',
      looked: `${notes.endedAt.size} ended, bound ${REVOCATION_BOUND_MS} ms`,
      breaches: revivedSessions(notes.signedIn, notes.endedAt, REVOCATION_BOUND_MS),
    },
    {
      name: 'lists are of their tenant, and fresh within bounds',
      looked: `${notes.reads.length} lists, ${notes.published.length} publications, bound ${LIST_BOUND_MS / 1000} s`,
      breaches: listBreaches(notes.reads, notes.published, LIST_BOUND_MS),
    },
    {
      name: 'views are counted once',
      looked: counters.map(({ acknowledged, unknown, value }) => `${value} of ${acknowledged}+${unknown}`).join(', '),
      breaches: countBreaches(counters),
    },
    { name: 'uploads reported done are byte-identical', looked: `${stored.length} files`, breaches: changed },
    {
      name: 'HLS that arrived is byte-identical',
      looked: `${notes.segments.length} files`,
      breaches: changedContents(notes.segments),
    },
    {
      name: 'every kind of fault befell something, and no check looked at nothing',
      looked: [...coverage].map(([name, count]) => `${count} ${name}`).join(', '),
      breaches: missingKinds(coverage, minutes).map((name) => `no ${name}`),
    },
    ...Object.entries(memory).map(([name, samples]) => memoryCheck(name, samples, minutes)),
  ];
}

function memoryCheck(name: string, samples: readonly MemorySample[], minutes: number): Check {
  const bound = minutes < SHORT_MINUTES ? SHORT_GROWTH_MIB : GROWTH_MIB + GROWTH_MIB_A_MINUTE * minutes;
  const growth = memoryGrowth(samples);
  const peak = Math.max(...samples.map(({ mib }) => mib));
  return {
    name: `memory of ${name} is flat`,
    looked: `${growth.toFixed(1)} MiB over the second third, bound ${bound.toFixed(0)}; peak ${peak.toFixed(0)} MiB`,
    // Not `growth > bound`: what could not be read is NaN.
    breaches: growth <= bound ? [] : [`grew by ${growth.toFixed(1)} MiB`],
  };
}

function isUnabsorbed({ name, outcome, status, fate }: Omit<Exchange, 'body'>): boolean {
  if (!(name in PER_MINUTE)) return outcome === 'answered' && status >= 500 && name !== 's3 put';
  const isFailure = outcome === 'broken' || (outcome === 'answered' && status >= 500);
  return isFailure && !mayFail(name as Traffic, fate.fault);
}

function describe({ name, outcome, status, fate, answeredAt, sentAt }: Omit<Exchange, 'body'>): string {
  const fault = fate.fault === null ? 'no fault' : `${fate.fault.kind}:${fate.fault.times}`;
  return `${name} ${outcome} ${status} with ${fault} after ${Math.round(answeredAt - sentAt)} ms`;
}
