import {
  CounterClient,
  COUNTER_CLIENT,
  COUNTERS,
  createContainer,
  createRequestContainer,
  EVENT_SINK,
  memoryCounters,
  provideCloudflareClients,
  provideCounters,
  provideValue,
} from '../../src/index.js';
import { MemoryKVNamespace } from '../../src/testing/memory-kv-namespace.js';
import { RecordingSink } from '../../src/testing/recording-sink.js';
import { codeOf, errorOf } from '../support/kv.js';

describe.each([
  ['provideCounters', createContainer(provideCounters())],
  ['provideCloudflareClients', createContainer(provideCloudflareClients())],
])('%s', (_, app) => {
  it('provides counters by class and by token, the same instance within a scope, over the binding COUNTERS', async () => {
    const env = { COUNTERS: memoryCounters() };
    const scope = app.scope({ env });
    expect(scope.resolve(COUNTER_CLIENT)).toBe(scope.resolve(CounterClient));
    expect(scope.resolve(CounterClient)).toBeInstanceOf(CounterClient);
    expect(scope.resolve(COUNTERS)).toBe(env.COUNTERS);
    await scope.resolve(CounterClient).increment('views:a');
    const other = app.scope({ env }).resolve(CounterClient);
    expect(other).not.toBe(scope.resolve(CounterClient));
    expect((await other.get('views:a')).value).toBe(1);
  });

  it('sends events to the sink of the scope', async () => {
    const sink = new RecordingSink();
    const scope = app.with(provideValue(EVENT_SINK, sink)).scope({ env: { COUNTERS: memoryCounters() } });
    const counters = scope.resolve(CounterClient);
    await counters.increment('views:a', { idempotencyKey: 'k' });
    await counters.increment('views:a', { idempotencyKey: 'k' });
    expect(sink.events).toEqual([{ type: 'counter.replayed', keyPrefix: 'views:' }]);
  });

  it('names a binding that is missing, or is something else, with what wrangler.jsonc needs', async () => {
    const missing = await errorOf(() => app.scope({ env: {} }).resolve(CounterClient));
    expect(missing).toMatchObject({ code: 'MISSING_BINDING' });
    expect(missing.message).toContain('CounterClient -> COUNTER_CLIENT -> COUNTERS: env.COUNTERS is not bound');
    expect(missing.message).toContain('"new_sqlite_classes": ["CounterObject"]');
    const env = { COUNTERS: new MemoryKVNamespace() };
    expect(await codeOf(() => app.scope({ env }).resolve(CounterClient))).toBe('INVALID_BINDING');
  });
});

describe('the options of provideCounters', () => {
  it('name another binding, and are the client’s own', async () => {
    const options = { binding: 'TALLY', timeoutMs: 0 };
    const env = { TALLY: memoryCounters() };
    expect(await codeOf(() => createContainer(provideCounters(options)).scope({ env }).resolve(CounterClient))).toBe(
      'INVALID_OPTION',
    );
    const counters = { binding: 'TALLY' };
    const scope = createContainer(provideCloudflareClients({ counters })).scope({ env });
    expect(await scope.resolve(CounterClient).increment('views:a')).toMatchObject({ value: 1 });
  });

  it('refuse an empty binding name', async () => {
    expect(await codeOf(() => provideCounters({ binding: '' }))).toBe('INVALID_OPTION');
  });
});

test('createRequestContainer has counters', async () => {
  const container = createRequestContainer({ COUNTERS: memoryCounters() });
  expect(await container.resolve(CounterClient).increment('views:a')).toMatchObject({ value: 1 });
});
