import { BoundedMap } from '../../../src/clients/rate-limit/bounded-map.js';
import { fc } from '../../support/kv.js';

describe('BoundedMap', () => {
  test('keeps a key that is read, however many others come', () => {
    const map = new BoundedMap<number>(10);
    map.set('in use', 1);
    for (let index = 0; index < 1_000; index += 1) {
      map.set(`other-${index}`, index);
      expect(map.get('in use')).toBe(1);
    }
    expect(map.size).toBe(10);
  });

  test('drops the key first that was not used for longest', () => {
    const map = new BoundedMap<number>(2);
    map.set('a', 1);
    map.set('b', 2);
    map.set('a', 3);
    map.set('c', 4);
    expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([3, undefined, 4]);
    expect(map.oldest()).toEqual(['a', 3]);
  });

  test('holds no more than it may and never loses what was used within the last half of its room', () => {
    const key = fc.integer({ min: 0, max: 30 }).map((number) => `key-${number}`);
    const step = fc.record({ act: fc.constantFrom('set', 'set', 'get', 'delete'), key });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const map = new BoundedMap<string>(10);
        const recent: string[] = [];
        for (const { act, key: name } of steps) {
          if (act === 'set') map.set(name, name);
          else if (act === 'get') map.get(name);
          else map.delete(name);
          const isHeld = map.get(name) === name;
          expect(isHeld).toBe(act === 'set' || (act === 'get' && isHeld));
          expect(map.size).toBeLessThanOrEqual(10);
          if (act === 'set') recent.push(name);
          const last = [...new Set(recent.slice(-5))].filter((known) => !wasDeleted(steps, known));
          for (const known of last) expect(map.get(known)).toBe(known);
        }
      }),
    );
  });
});

function wasDeleted(steps: readonly { readonly act: string; readonly key: string }[], name: string): boolean {
  return steps.some(({ act, key }) => act === 'delete' && key === name);
}
