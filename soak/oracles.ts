// What must hold of a history that clients wrote down: none of it asks the Worker. Times are milliseconds of one clock, the clients'.

/** A call that was let through by a limit. */
export interface AcceptedCall {
  readonly identifier: string;
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** What a limit lets through, and by how much more where its objects were made unreachable: the isolate then counts for itself. */
export interface LimitBound {
  readonly limit: number;
  readonly windowMs: number;
  readonly extra: (identifier: string) => number;
}

/** Identifiers with more accepted calls in some window than the limit. Calls that may lie outside of it are not held against the limit. */
export function limitBreaches(calls: readonly AcceptedCall[], { limit, windowMs, extra }: LimitBound): string[] {
  const breaches: string[] = [];
  for (const [identifier, own] of groupBy(calls, (call) => call.identifier)) {
    const allowed = limit + extra(identifier);
    const most = Math.max(
      ...own.map(
        ({ sentAt: from }) =>
          own.filter(({ sentAt, answeredAt }) => sentAt >= from && answeredAt <= from + windowMs).length,
      ),
    );
    if (most > allowed) breaches.push(`${identifier}: ${most} accepted, ${allowed} allowed`);
  }
  return breaches;
}

/** A request that was answered as signed in. */
export interface SignedInCall {
  readonly token: string;
  readonly sentAt: number;
}

/** Requests sent later than `boundMs` after the end of their session was acknowledged, and let in. */
export function revivedSessions(
  calls: readonly SignedInCall[],
  endedAt: ReadonlyMap<string, number>,
  boundMs: number,
): string[] {
  return calls
    .filter(({ token, sentAt }) => sentAt > (endedAt.get(token) ?? Infinity) + boundMs)
    .map(
      ({ token, sentAt }) =>
        `${token.slice(0, 6)}… let in ${Math.round(sentAt - (endedAt.get(token) ?? 0))} ms after its end`,
    );
}

/** An item that was published: the answer came at `at`. */
export interface Publication {
  readonly creatorId: string;
  readonly mediaId: string;
  readonly at: number;
}

/** A list that was read. */
export interface ListRead {
  readonly creatorId: string;
  readonly sentAt: number;
  readonly items: readonly { readonly id: string; readonly creatorId: string }[];
}

/** Lists with something of another tenant, or without what was published longer than `boundMs` before they were asked for. */
export function listBreaches(reads: readonly ListRead[], published: readonly Publication[], boundMs: number): string[] {
  return reads.flatMap(({ creatorId, sentAt, items }) => {
    const foreign = items.filter((item) => item.creatorId !== creatorId);
    const ids = new Set(items.map(({ id }) => id));
    const missing = published.filter(
      (each) => each.creatorId === creatorId && each.at + boundMs < sentAt && !ids.has(each.mediaId),
    );
    return [
      ...foreign.map((item) => `the list of ${creatorId.slice(0, 8)} shows ${item.id} of ${item.creatorId}`),
      ...missing.map(
        (each) => `a list lacks ${each.mediaId.slice(0, 8)}, ${Math.round(sentAt - each.at)} ms after its publication`,
      ),
    ];
  });
}

/** What is known of a counter: increments that were acknowledged, those of which nobody knows, and its value at the end. */
export interface Counted {
  readonly name: string;
  readonly acknowledged: number;
  readonly unknown: number;
  readonly value: number;
}

/** Counters that lost an increment, or counted one twice. */
export function countBreaches(counters: readonly Counted[]): string[] {
  return counters
    .filter(({ acknowledged, unknown, value }) => value < acknowledged || value > acknowledged + unknown)
    .map(
      ({ name, acknowledged, unknown, value }) =>
        `${name.slice(0, 8)} stands at ${value}: ${acknowledged} acknowledged, ${unknown} unknown`,
    );
}

/** Content by name, as digests: what was sent and what came back. */
export interface Transfer {
  readonly name: string;
  readonly sent: string;
  /** `null` where nothing came back. */
  readonly received: string | null;
}

/** What came back otherwise than it was sent. */
export function changedContents(transfers: readonly Transfer[]): string[] {
  return transfers
    .filter(({ sent, received }) => sent !== received)
    .map(({ name, received }) => `${name}: ${received === null ? 'is gone' : 'other bytes'}`);
}

/** Memory at a time. */
export interface MemorySample {
  readonly at: number;
  readonly mib: number;
}

/**
 * By how many MiB the least of the last third of a run lies over that of the second third; the first is warm-up. The least, because a heap swings:
 * it is what was left after a collection.
 */
export function memoryGrowth(samples: readonly MemorySample[]): number {
  const third = Math.floor(samples.length / 3);
  if (third === 0) return 0;
  const least = (part: readonly MemorySample[]): number => Math.min(...part.map(({ mib }) => mib));
  return least(samples.slice(-third)) - least(samples.slice(third, -third));
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
