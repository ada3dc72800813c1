import type { Exchange } from '../../soak/client.js';
import { coverageOf, missingKinds } from '../../soak/coverage.js';
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

test('counts operations that a fault hit, and not faults that were only planned', () => {
  const fate = { fault: { kind: 'kv-hang', times: 1 }, leaves: null } as const;
  const exchanges = [
    { ...EXCHANGE, fate, injected: 2 },
    { ...EXCHANGE, fate, injected: 0 },
    { ...EXCHANGE, outcome: 'cut' as const },
  ];
  const coverage = coverageOf(exchanges, new Notes());
  expect([coverage.get('KV hangs'), coverage.get('KV errors'), coverage.get('clients that left')]).toEqual([2, 0, 1]);
});

test('one kind of fault of S3 is enough; without any, and without any other kind, the kind is missing', () => {
  const counts = new Map(coverageOf([], new Notes()));
  for (const name of counts.keys()) counts.set(name, 1);
  counts.set('S3 answers of 500', 0);
  expect(missingKinds(counts, 1)).toEqual([]);
  counts.set('S3 connections cut', 0);
  counts.set('object resets', 0);
  expect(missingKinds(counts, 1)).toEqual(['object resets', 'faults of S3']);
  expect(missingKinds(counts, 0.5)).toEqual([]);
});
