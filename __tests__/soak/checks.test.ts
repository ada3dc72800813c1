import { checksOf, type Evidence } from '../../soak/checks.js';
import type { Exchange } from '../../soak/client.js';
import { Notes } from '../../soak/notes.js';

const EXCHANGE: Omit<Exchange, 'body'> = {
  name: 'list',
  outcome: 'answered',
  status: 200,
  headers: {},
  sentAt: 0,
  answeredAt: 10,
  fate: { fault: null, leaves: null },
  injected: 0,
};

function failed(evidence: Partial<Evidence>): string[] {
  const nothing = { exchanges: [], notes: new Notes(), counters: [], stored: [], memory: {}, minutes: 0.1 };
  return checksOf({ ...nothing, ...evidence })
    .filter(({ breaches }) => breaches.length > 0)
    .map(({ name }) => name);
}

const answered = (change: Partial<Exchange>) => failed({ exchanges: [{ ...EXCHANGE, ...change }] });
const ABSORBED = 'no 5xx that a fallback should have absorbed';

test('a run without a breach fails no check', () => {
  expect(answered({})).toEqual([]);
});

test('a run of ordinary length in which nothing befell anything, or nothing was looked at, fails', () => {
  expect(failed({ minutes: 1 })).toEqual(['every kind of fault befell something, and no check looked at nothing']);
});

test('a request that was not answered by its deadline fails the run', () => {
  expect(answered({ outcome: 'hung', status: 0 })).toEqual(['no request hung']);
});

test('a 5xx fails the run unless nothing is configured against its fault', () => {
  const everything = { kind: 'kv-error', times: Infinity } as const;
  expect(answered({ status: 500 })).toEqual([ABSORBED]);
  expect(answered({ status: 503, fate: { fault: everything, leaves: null } })).toEqual([ABSORBED]);
  const bucket = { kind: 'r2-error', times: Infinity } as const;
  expect(answered({ status: 503, fate: { fault: bucket, leaves: null } })).toEqual([]);
});

test('a connection that breaks off fails the run, one that the client cut does not', () => {
  expect(answered({ outcome: 'broken', status: 200 })).toEqual([ABSORBED]);
  expect(answered({ outcome: 'cut', status: 0 })).toEqual([]);
});

test('what the clients noted fails the check that it belongs to', () => {
  const noted = (write: (notes: Notes) => void): string[] => {
    const notes = new Notes();
    write(notes);
    return failed({ notes });
  };
  const guess = { identifier: 'a', sentAt: 0, answeredAt: 1 };
  expect(noted((notes) => notes.accepted.push(...Array.from({ length: 6 }, () => guess)))).toEqual([
    'no limit exceeded',
  ]);
  expect(
    noted((notes) => {
      notes.endedAt.set('token', 1);
      notes.signedIn.push({ token: 'token', sentAt: 2 });
    }),
  ).toEqual(['no session accepted after its end']);
  expect(
    noted((notes) => notes.reads.push({ creatorId: 'a', sentAt: 0, items: [{ id: 'i', creatorId: 'b' }] })),
  ).toEqual(['lists are of their tenant, and fresh within bounds']);
  expect(noted((notes) => notes.segments.push({ name: 's', sent: 'a', received: 'b' }))).toEqual([
    'HLS that arrived is byte-identical',
  ]);
});

test('counters, uploads and memory fail the checks that they belong to', () => {
  expect(failed({ counters: [{ name: 'film', acknowledged: 2, unknown: 0, value: 1 }] })).toEqual([
    'views are counted once',
  ]);
  expect(failed({ stored: [{ name: 'f', sent: 'a', received: null }] })).toEqual([
    'uploads reported done are byte-identical',
  ]);
  const growing = Array.from({ length: 30 }, (_, at) => ({ at, mib: at * 4 }));
  expect(failed({ memory: { Node: growing }, minutes: 3 })).toContain('memory of Node is flat');
  expect(failed({ memory: { Node: growing }, minutes: 0.5 })).toEqual([]);
  const unread = growing.map(({ at }) => ({ at, mib: at < 25 ? 10 : NaN }));
  expect(failed({ memory: { Node: unread }, minutes: 0.5 })).toEqual(['memory of Node is flat']);
});
