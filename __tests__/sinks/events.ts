import type { ClientEvent } from '../../src/events.js';
import type { ErrorCode } from '../../src/errors.js';
import { fc } from '../support/kv.js';

type Type = ClientEvent['type'];
type EventOf<K extends Type> = Extract<ClientEvent, { type: K }>;

/** One event of each type. */
export const EVENTS: { readonly [K in Type]: EventOf<K> } = {
  'cache.hit': { type: 'cache.hit', keyPrefix: 'cache:content:', tier: 'kv', ageMs: 900, bytes: 120, durationMs: 3 },
  'cache.stale': {
    type: 'cache.stale',
    keyPrefix: 'cache:content:',
    tier: 'memory',
    reason: 'revalidate',
    ageMs: 61_000,
    staleMs: 1_000,
    bytes: 80,
  },
  'cache.miss': { type: 'cache.miss', keyPrefix: 'cache:content:', reason: 'absent', durationMs: 2 },
  'cache.load': { type: 'cache.load', keyPrefix: 'cache:content:', outcome: 'value', keys: 1, durationMs: 40 },
  'cache.refresh': {
    type: 'cache.refresh',
    keyPrefix: 'cache:content:',
    trigger: 'stale',
    outcome: 'value',
    keys: 1,
    durationMs: 30,
  },
  'cache.write': { type: 'cache.write', keyPrefix: 'cache:content:', ttlSeconds: 60, bytes: 120, durationMs: 5 },
  'cache.skip': { type: 'cache.skip', keyPrefix: 'cache:content:', reason: 'cacheIf refused the value.' },
  'cache.invalidate': { type: 'cache.invalidate', kind: 'key', count: 2, durationMs: 6 },
  'cache.error': {
    type: 'cache.error',
    source: 'cache',
    operation: 'read',
    keyPrefix: 'cache:content:',
    code: 'KV_READ_FAILED',
    error: new Error('KV GET failed: 500'),
  },
  'session.hit': { type: 'session.hit' },
  'session.miss': { type: 'session.miss', reason: 'revoked' },
  'session.revoked': { type: 'session.revoked', scope: 'user' },
  'rate-limit.allowed': {
    type: 'rate-limit.allowed',
    keyPrefix: 'rl:login:',
    limit: 5,
    remaining: 4,
    decidedBy: 'object',
    reason: 'allowed',
    durationMs: 7,
  },
  'rate-limit.denied': {
    type: 'rate-limit.denied',
    keyPrefix: 'rl:login:',
    limit: 5,
    retryAfterMs: 1_000,
    decidedBy: 'object',
    reason: 'limit-exceeded',
    shadow: false,
    durationMs: 8,
  },
  'lock.acquired': { type: 'lock.acquired', keyPrefix: 'transcode:', waitMs: 12 },
  'lock.refused': { type: 'lock.refused', keyPrefix: 'transcode:', reason: 'timeout', waitMs: 500 },
  'lock.released': { type: 'lock.released', keyPrefix: 'transcode:', heldMs: 70 },
  'lock.lost': { type: 'lock.lost', keyPrefix: 'transcode:', heldMs: 30_000, reason: 'expired' },
  'counter.replayed': { type: 'counter.replayed', keyPrefix: 'views:' },
  'kv.large-value': { type: 'kv.large-value', source: 'kv', keyPrefix: 'cache:content:', bytes: 100_001 },
  'kv.budget': { type: 'kv.budget', source: 'cache', spent: 'writes', limit: 1000 },
  'client.error': {
    type: 'client.error',
    source: 'session',
    operation: 'delete',
    keyPrefix: 'session:',
    code: 'KV_TIMEOUT',
    error: new Error('KV did not answer a delete within 2000 ms.'),
  },
};

/** What somebody may have thrown. */
export const anyThrown = (): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.string({ unit: 'binary' }).map((message) => Object.assign(new Error(message), { code: 'X' })),
    fc.anything({ withBigInt: true, withMap: true, withDate: true }),
    fc.constant(undefined).map(cyclicError),
  );

/** An error that JSON cannot hold: a cycle through its cause, and a bigint. */
export function cyclicError(): Error {
  const error = Object.assign(new Error('round'), { code: 'ROUND', big: 10n, self: {} });
  error.self = error;
  error.cause = error;
  return error;
}

/** Any event, with the texts and numbers of one that nobody should ever send. */
export const anyEvent = (): fc.Arbitrary<ClientEvent> =>
  fc
    .record({
      base: fc.constantFrom(...Object.values(EVENTS)),
      keyPrefix: fc.string({ unit: 'binary' }),
      key: fc.string({ unit: 'binary' }),
      code: fc.string({ unit: 'binary', maxLength: 200 }),
      error: anyThrown(),
      durationMs: fc.oneof(fc.double(), fc.nat()),
      bytes: fc.oneof(fc.double(), fc.nat()),
      count: fc.oneof(fc.double(), fc.nat()),
      outcome: fc.constantFrom('value', 'error', 'timeout', 'joined'),
      tier: fc.constantFrom('memo', 'memory', 'kv'),
    })
    .map(({ base, ...wild }) => {
      const own = Object.entries(wild).filter(([name]) => name in base || (name === 'key' && 'keyPrefix' in base));
      return { ...base, ...Object.fromEntries(own) };
    });

/** A failed read of the cache with this error. */
export const cacheError = (error: unknown, code: ErrorCode = 'KV_READ_FAILED'): ClientEvent => ({
  ...EVENTS['cache.error'],
  code,
  error,
});
