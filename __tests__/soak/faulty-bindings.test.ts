import { FaultState, STALENESS_MS, type Fault } from '../../soak/faults.js';
import { faultyKV, KVHistory } from '../../soak/faulty-kv.js';
import { faultyObjects } from '../../soak/faulty-objects.js';
import { MemoryKVNamespace } from '../../src/testing.js';

const state = (fault: Fault | null) => new FaultState(fault);

describe('KVHistory', () => {
  test('is behind by what was written within the staleness, and by nothing that is older', () => {
    const history = new KVHistory();
    const entry = (value: string) => ({ value, metadata: null });
    history.wrote('key', entry('one'), 0);
    history.wrote('key', entry('two'), 10_000);
    expect(history.behind('key', 10_001)).toEqual(entry('one'));
    expect(history.behind('key', 10_000 + STALENESS_MS)).toBeUndefined();
    expect(history.behind('other', 0)).toBeUndefined();
  });

  test('a key that is new is absent to a read that is behind', () => {
    const history = new KVHistory();
    history.wrote('key', { value: 'one', metadata: null }, 0);
    expect(history.behind('key', 1)).toEqual({ value: null, metadata: null });
  });
});

describe('faultyKV', () => {
  const open = (fault: Fault | null, kv = new MemoryKVNamespace(), history = new KVHistory()) =>
    faultyKV(kv, history, state(fault));

  test('passes everything on where nothing befalls it', async () => {
    const kv = open(null);
    await kv.put('key', 'value', { metadata: { a: 1 } });
    expect(await kv.getWithMetadata('key', 'text')).toMatchObject({ value: 'value', metadata: { a: 1 } });
    expect(await kv.get(['key', 'none'], 'text')).toEqual(new Map([['key', 'value'], ['none', null]])); // prettier-ignore
  });

  test('fails so many operations', async () => {
    const kv = open({ kind: 'kv-error', times: 1 });
    await expect(kv.get('key', 'text')).rejects.toThrow('KV GET failed: 500');
    expect(await kv.get('key', 'text')).toBeNull();
  });

  test('a read that is behind does not see what another request has just written', async () => {
    const [memory, history] = [new MemoryKVNamespace(), new KVHistory()];
    await open(null, memory, history).put('key', 'new');
    expect(await open({ kind: 'kv-stale', times: Infinity }, memory, history).get('key', 'text')).toBeNull();
    expect(await open(null, memory, history).get('key', 'text')).toBe('new');
  });
});

describe('faultyObjects', () => {
  class Stub {
    calls = 0;
    aborts = 0;
    increment(): Promise<number> {
      this.calls += 1;
      return Promise.resolve(this.calls);
    }
    soakAbort(): Promise<void> {
      this.aborts += 1;
      return Promise.resolve();
    }
  }

  async function increment(fault: Fault, stub: Stub): Promise<unknown> {
    const namespace = { idFromName: (name: string) => ({ name }), get: () => stub };
    const wrapped = faultyObjects(namespace as unknown as DurableObjectNamespace, state(fault));
    return (wrapped.get(wrapped.idFromName('a')) as unknown as Stub).increment();
  }

  test('a reply that is lost is lost after the work was done, and may be tried again', async () => {
    const stub = new Stub();
    await expect(increment({ kind: 'object-lost', times: 1 }, stub)).rejects.toMatchObject({ retryable: true });
    expect(stub.calls).toBe(1);
  });

  test('a call that does not arrive does no work', async () => {
    const stub = new Stub();
    await expect(increment({ kind: 'object-retryable', times: 1 }, stub)).rejects.toMatchObject({ retryable: true });
    await expect(increment({ kind: 'object-overloaded', times: 1 }, stub)).rejects.toMatchObject({ overloaded: true });
    expect(stub.calls).toBe(0);
  });

  test('a reset aborts the object under the call', async () => {
    const stub = new Stub();
    await increment({ kind: 'object-reset', times: 1 }, stub);
    expect(stub).toMatchObject({ calls: 1, aborts: 1 });
  });
});
