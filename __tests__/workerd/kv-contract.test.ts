import { kvNamespaceContract } from '../../src/testing/kv-namespace-contract.js';
import type { KVWorker } from '../support/workerd-kv.js';
import { startKVWorker } from '../support/workerd-kv.js';

describe('a KV namespace of workerd', () => {
  let worker: KVWorker;
  let results: Record<string, string>;

  beforeAll(async () => {
    worker = await startKVWorker();
    results = await worker.call('contract');
  });
  afterAll(() => worker.dispose());

  test.each(kvNamespaceContract.map(({ name }) => name))('%s', (name) => {
    expect(results[name]).toBe('passed');
  });

  test('ran every case and no other', () => {
    expect(Object.keys(results)).toEqual(kvNamespaceContract.map(({ name }) => name));
  });
});
