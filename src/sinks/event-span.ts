import type { CacheKeyFields, ClientEvent } from '../events.js';

/** Span kinds of OpenTelemetry: work inside the Worker, and a call that leaves it. */
const INTERNAL = 0;
const CLIENT = 2;

const KV_SYSTEM = 'cloudflare-kv';
/** What the semantic conventions put for an error of unknown type. https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ */
const UNKNOWN_ERROR = '_OTHER';

/** The attributes of a span. */
export type SpanAttributes = Record<string, string | number | boolean | string[]>;

/** What an event is as a span. */
export interface EventSpan {
  readonly name: string;
  readonly kind: number;
  /** Milliseconds; 0 for what took no time. */
  readonly durationMs: number;
  readonly attributes: SpanAttributes;
  /** Set where the span is to end with the status ERROR: why. */
  readonly failure?: { readonly message: string; readonly exception?: unknown };
}

type Span = Partial<EventSpan> & Pick<EventSpan, 'name' | 'attributes'>;
type Loaded = Extract<ClientEvent, { type: 'cache.load' | 'cache.refresh' }>;
type RateLimited = Extract<ClientEvent, { type: 'rate-limit.allowed' | 'rate-limit.denied' }>;
type Describe<Type> = (event: Extract<ClientEvent, { type: Type }>) => Span;

const LOADER_ERROR_TYPES: Readonly<Record<Loaded['outcome'], string | undefined>> = {
  value: undefined,
  joined: undefined,
  error: UNKNOWN_ERROR,
  timeout: 'LOADER_TIMEOUT',
};

const OBJECT = { 'rpc.system.name': 'cloudflare-durable-objects' } as const;
const KV_OPERATIONS = { read: 'get', write: 'put', delete: 'delete', list: 'list', decode: 'get' } as const;

// A table, so that an event which is added to the union does not compile before it has a span.
const SPANS: { readonly [Type in ClientEvent['type']]: Describe<Type> } = {
  'cache.hit': (event) => ({
    name: 'cache.get',
    kind: event.tier === 'kv' ? CLIENT : INTERNAL,
    attributes: {
      ...(event.tier === 'kv' && { ...kv('get'), 'cloudflare.kv.response.size': event.bytes }),
      ...keyOf(event),
      'cache.hit': true,
      'cache.result': 'hit',
      'cache.tier': event.tier,
      'cache.item_size': event.bytes,
      'cache.age_ms': event.ageMs,
    },
  }),
  'cache.stale': (event) => ({
    name: 'cache.get',
    kind: event.tier === 'kv' ? CLIENT : INTERNAL,
    attributes: {
      ...(event.tier === 'kv' && { ...kv('get'), 'cloudflare.kv.response.size': event.bytes }),
      ...keyOf(event),
      'cache.hit': true,
      'cache.result': 'stale',
      'cache.reason': event.reason,
      'cache.tier': event.tier,
      'cache.item_size': event.bytes,
      'cache.age_ms': event.ageMs,
      'cache.stale_ms': event.staleMs,
    },
  }),
  'cache.miss': (event) => ({
    name: 'cache.get',
    // One that was forced reads nothing.
    kind: event.reason === 'forced' ? INTERNAL : CLIENT,
    attributes: {
      ...(event.reason !== 'forced' && kv('get')),
      ...keyOf(event),
      'cache.hit': false,
      'cache.result': 'miss',
      'cache.reason': event.reason,
    },
  }),
  'cache.load': (event) => ({
    name: 'cache.load',
    attributes: { ...keyOf(event), 'cache.keys.count': event.keys, ...outcome(event) },
    ...loaderFailure(event),
  }),
  'cache.refresh': (event) => ({
    name: 'cache.refresh',
    attributes: {
      ...keyOf(event),
      'cache.keys.count': event.keys,
      'cache.refresh.trigger': event.trigger,
      ...outcome(event),
    },
    ...loaderFailure(event),
  }),
  'cache.write': (event) => ({
    name: 'cache.put',
    kind: CLIENT,
    attributes: {
      ...kv('put'),
      ...keyOf(event),
      'cloudflare.kv.query.payload.size': event.bytes,
      'cache.ttl': event.ttlSeconds,
      'cache.item_size': event.bytes,
    },
  }),
  'cache.skip': (event) => ({
    name: 'cache.skip',
    attributes: { ...keyOf(event), 'cache.reason': event.reason },
  }),
  'cache.invalidate': (event) => ({
    name: 'cache.invalidate',
    kind: CLIENT,
    attributes: {
      'db.system.name': KV_SYSTEM,
      'cache.invalidate.kind': event.kind,
      'cache.invalidate.count': event.count,
    },
  }),
  'cache.error': (event) => ({
    name: 'cache.error',
    kind: CLIENT,
    attributes: { ...kv(KV_OPERATIONS[event.operation]), ...keyOf(event), 'error.type': event.code },
    failure: failureOf(event.error),
  }),
  'client.error': (event) => ({
    name: 'client.error',
    kind: CLIENT,
    attributes: {
      ...(event.operation === 'call' ? OBJECT : kv(KV_OPERATIONS[event.operation])),
      'kv.source': event.source,
      'kv.key_prefix': event.keyPrefix,
      'error.type': event.code,
    },
    failure: failureOf(event.error),
  }),
  'session.hit': () => ({ name: 'session.get', attributes: { 'cache.hit': true } }),
  'session.miss': ({ reason }) => ({
    name: 'session.get',
    attributes: { 'cache.hit': false, 'cache.reason': reason },
  }),
  'session.revoked': ({ scope }) => ({ name: 'session.revoke', attributes: { 'session.scope': scope } }),
  'rate-limit.allowed': (event) => ({
    name: 'rate-limit.check',
    attributes: { ...limitOf(event), 'rate_limit.allowed': true, 'rate_limit.remaining': event.remaining },
  }),
  'rate-limit.denied': (event) => ({
    name: 'rate-limit.denied',
    attributes: {
      ...limitOf(event),
      'rate_limit.allowed': event.shadow,
      'rate_limit.shadow': event.shadow,
      'rate_limit.retry_after_ms': event.retryAfterMs,
    },
  }),
  'lock.acquired': (event) => ({
    name: 'lock.acquire',
    kind: CLIENT,
    durationMs: event.waitMs,
    attributes: { 'lock.key_prefix': event.keyPrefix, 'lock.acquired': true },
  }),
  'lock.refused': (event) => ({
    name: 'lock.acquire',
    kind: CLIENT,
    durationMs: event.waitMs,
    attributes: { 'lock.key_prefix': event.keyPrefix, 'lock.acquired': false, 'lock.reason': event.reason },
  }),
  'lock.released': (event) => ({
    name: 'lock.hold',
    durationMs: event.heldMs,
    attributes: { 'lock.key_prefix': event.keyPrefix },
  }),
  'lock.lost': (event) => ({
    name: 'lock.hold',
    durationMs: event.heldMs,
    attributes: { 'lock.key_prefix': event.keyPrefix, 'lock.reason': event.reason, 'error.type': 'LOCK_LOST' },
    failure: { message: 'the lease ended before the work did' },
  }),
  'counter.replayed': (event) => ({
    name: 'counter.replayed',
    attributes: { 'counter.key_prefix': event.keyPrefix },
  }),
  'kv.large-value': (event) => ({
    name: 'kv.large-value',
    kind: CLIENT,
    attributes: {
      ...kv('put'),
      'kv.source': event.source,
      'kv.key_prefix': event.keyPrefix,
      'cloudflare.kv.query.payload.size': event.bytes,
    },
  }),
  'kv.budget': (event) => ({
    name: 'kv.budget',
    attributes: { 'kv.source': event.source, 'kv.budget.spent': event.spent, 'kv.budget.limit': event.limit },
  }),
};

/**
 * What `event` is as a span.
 *
 * @returns `undefined` for an event of a type that this version does not know.
 */
export function spanOf(event: ClientEvent): EventSpan | undefined {
  // The compiler does not follow that the entry under an event's type takes that event.
  const describe = SPANS[event.type] as ((event: ClientEvent) => Span) | undefined;
  const durationMs = 'durationMs' in event ? event.durationMs : 0;
  return describe === undefined ? undefined : { kind: INTERNAL, durationMs, ...describe(event) };
}

function limitOf(event: RateLimited): SpanAttributes {
  return {
    'rate_limit.key_prefix': event.keyPrefix,
    'rate_limit.limit': event.limit,
    'rate_limit.decided_by': event.decidedBy,
    'rate_limit.reason': event.reason,
  };
}

function kv(operation: string): SpanAttributes {
  return { 'db.system.name': KV_SYSTEM, 'db.operation.name': operation };
}

function keyOf({ keyPrefix, keyHash, key }: CacheKeyFields): SpanAttributes {
  return {
    'cache.key_prefix': keyPrefix,
    ...(keyHash !== undefined && { 'cache.key_hash': keyHash }),
    ...(key !== undefined && { 'cache.key': [key] }),
  };
}

function outcome(event: Loaded): SpanAttributes {
  const result = { 'cache.load.outcome': event.outcome };
  const type = LOADER_ERROR_TYPES[event.outcome];
  return type === undefined ? result : { ...result, 'error.type': type };
}

/** The exception is that of a refresh, which reaches nobody else; the caller of a load gets the loader's error itself. */
function loaderFailure(event: Loaded): Pick<Span, 'failure'> {
  if (LOADER_ERROR_TYPES[event.outcome] === undefined) return {};
  const message = event.outcome === 'timeout' ? 'the loader took too long' : 'the loader failed';
  const exception = event.type === 'cache.refresh' ? event.error : undefined;
  return { failure: { message, exception } };
}

function failureOf(error: unknown): NonNullable<EventSpan['failure']> {
  return { message: error instanceof Error ? error.message : `thrown: ${typeof error}`, exception: error };
}
