import type { KVNamespaceLike } from '../../src/clients/kv/kv-namespace.js';
import { kvNamespaceContract, ManualClock, MemoryKVNamespace, RecordingSink } from '../../src/testing.js';

describe('MemoryKVNamespace', () => {
  test.each(kvNamespaceContract.map(({ name, run }) => [name, run] as const))('%s', async (_name, run) => {
    await run(new MemoryKVNamespace());
  });

  test('is a KVNamespace to workers-types and to the clients', () => {
    const binding: KVNamespace = new MemoryKVNamespace();
    const like: KVNamespaceLike = new MemoryKVNamespace();
    expect(typeof binding.get).toBe(typeof like.get);
  });

  test('drops a key when its TTL is over, from reads and listings alike', async () => {
    const clock = new ManualClock();
    const kv = new MemoryKVNamespace({ now: clock.now });
    await kv.put('a', '1', { expirationTtl: 60 });
    clock.advance(59_999);
    expect(await kv.get('a')).toBe('1');
    clock.advance(1);
    expect(await kv.get('a')).toBeNull();
    expect((await kv.list()).keys).toEqual([]);
  });

  test('reads json, arrayBuffer and stream, and refuses JSON that is none', async () => {
    const kv = new MemoryKVNamespace();
    await kv.put('j', '{"a":1}');
    await kv.put('b', new Uint8Array([255, 0]));
    expect(await kv.get('j', 'json')).toEqual({ a: 1 });
    expect(await kv.get('j', { type: 'json' })).toEqual({ a: 1 });
    expect(new Uint8Array((await kv.get('b', 'arrayBuffer'))!)).toEqual(new Uint8Array([255, 0]));
    expect(await new Response(await kv.get('j', 'stream')).text()).toBe('{"a":1}');
    await kv.put('x', '');
    await expect(kv.get('x', 'json')).rejects.toThrow(SyntaxError);
    await expect(kv.get(['j', 'x'], 'json')).rejects.toThrow(
      'KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value',
    );
    await expect(kv.get('j', 'nope' as 'text')).rejects.toThrow('Unknown response type.');
  });

  test('refuses a bulk answer above 25 MiB', async () => {
    const kv = new MemoryKVNamespace();
    await kv.put('a', 'a'.repeat(26_214_400));
    await kv.put('b', 'b');
    await expect(kv.get(['a', 'b'], 'text')).rejects.toThrow(
      'KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB',
    );
  });

  test('refuses a cacheTtl below 30', async () => {
    const kv = new MemoryKVNamespace();
    await expect(kv.get('a', { type: 'text', cacheTtl: 29 })).rejects.toThrow(
      'KV GET failed: 400 Invalid cache_ttl of 29. Cache TTL must be at least 30.',
    );
    await expect(kv.get('a', { type: 'text', cacheTtl: 30 })).resolves.toBeNull();
  });

  test('refuses an absolute expiry in the past and one that is too near', async () => {
    const clock = new ManualClock(1_000_000_000_000);
    const kv = new MemoryKVNamespace({ now: clock.now });
    await expect(kv.put('a', '1', { expiration: 1_000_000_059 })).rejects.toThrow(
      'Expiration times must be at least 60 seconds in the future.',
    );
    await expect(kv.put('a', '1', { expiration: 1_000_000_000 })).rejects.toThrow(
      'Please specify integer greater than',
    );
    await expect(kv.put('a', '1', { expiration: 1_000_000_060 })).resolves.toBeUndefined();
  });

  test('answers 429 to a second write of a key within a second, when asked to', async () => {
    const clock = new ManualClock();
    const kv = new MemoryKVNamespace({ now: clock.now, writesPerSecondPerKey: true });
    await kv.put('a', '1');
    await kv.put('b', '1');
    await expect(kv.put('a', '2')).rejects.toThrow('KV PUT failed: 429 Too Many Requests');
    clock.advance(1000);
    await kv.put('a', '3');
    expect(await kv.get('a')).toBe('3');
  });

  test('fails once, fails for good, and heals', async () => {
    const kv = new MemoryKVNamespace();
    kv.failNext('put');
    await expect(kv.put('a', '1')).rejects.toThrow('KV PUT failed: 500 Internal Server Error');
    await kv.put('a', '1');
    kv.failAll('get', new Error('down'));
    await expect(kv.get('a')).rejects.toThrow('down');
    await expect(kv.getWithMetadata('a')).rejects.toThrow('down');
    await kv.list();
    kv.heal();
    expect(await kv.get('a')).toBe('1');
  });

  test('counts a bulk read once, and what failed as well', async () => {
    const kv = new MemoryKVNamespace();
    kv.failNext('all');
    await kv.get('a').catch(() => undefined);
    await kv.get(['a', 'b'], 'text');
    await kv.delete('a');
    expect(kv.counts).toEqual({ get: 2, put: 0, delete: 1, list: 0 });
    expect(kv.operations).toBe(3);
  });
});

describe('ManualClock', () => {
  test('ends delays when they are due, in their order', async () => {
    const clock = new ManualClock(0);
    const woken: string[] = [];
    void clock.delay(20).then(() => woken.push('b'));
    void clock.delay(10).then(() => woken.push('a'));
    void clock.delay(30).then(() => woken.push('c'));
    clock.advance(25);
    await Promise.resolve();
    expect(woken).toEqual(['a', 'b']);
    expect(clock.waiting).toBe(1);
    expect(clock.now()).toBe(25);
  });
});

describe('RecordingSink', () => {
  test('remembers events in order and tells them apart by type', () => {
    const sink = new RecordingSink();
    sink.emit({ type: 'session.hit' });
    sink.emit({ type: 'session.miss', reason: 'absent' });
    expect(sink.events).toHaveLength(2);
    expect(sink.ofType('session.miss')[0]?.reason).toBe('absent');
    sink.clear();
    expect(sink.events).toEqual([]);
  });
});
