import fc from 'fast-check';
import { compareKeys } from '../../../../src/clients/r2/replicate/key-order.js';
import { partSizeOf } from '../../../../src/clients/r2/replicate/part-size.js';
import { replicate } from '../../../../src/clients/r2/replicate/replicate.js';
import type { ReplicateOptions } from '../../../../src/clients/r2/replicate/replicate-options.js';
import { clientWith, failed, MemoryStore } from './memory-store.js';
import { memoryCheckpoint } from './two-servers.js';

const MIB = 1024 * 1024;

let source: MemoryStore;
let target: MemoryStore;

beforeEach(() => {
  source = new MemoryStore(100);
  target = new MemoryStore(70);
});

function run(options: Partial<ReplicateOptions> = {}) {
  return replicate({
    from: { client: clientWith(source), bucket: 'source' },
    to: { client: clientWith(target), bucket: 'target' },
    ...options,
  });
}

function fill(count: number): string[] {
  const keys = Array.from({ length: count }, (_, index) => `k${String(index).padStart(5, '0')}`);
  for (const key of keys) source.write(key, key);
  return keys;
}

describe('replicate over many pages', () => {
  it('asks for each page once, and holds one of each listing', async () => {
    fill(2500);
    for (const { key } of [...source.objects.values()].filter((_, index) => index % 10 !== 0)) target.write(key, key);
    const report = await run();
    expect(report).toMatchObject({ complete: true, copied: { objects: 250 }, unchanged: { objects: 2250 } });
    expect(target.contents()).toEqual(source.contents());
    expect([source.count('list'), source.count('get')]).toEqual([25, 250]);
  });

  it('ends with a listing that fails on its second page; nothing is deleted, and a second run goes on', async () => {
    fill(250);
    target.write('a-extraneous', 'x');
    source.before = ({ operation, store }) => {
      if (operation === 'list' && store.count('list') === 2) throw failed('R2_FAILED');
    };
    const checkpoint = memoryCheckpoint();
    await expect(run({ deleteExtraneous: true, checkpoint })).rejects.toMatchObject({ code: 'R2_FAILED' });
    expect([target.count('put'), target.count('deleteMany')]).toEqual([100, 0]);
    source.before = () => undefined;
    const report = await run({ deleteExtraneous: true, checkpoint, verify: true });
    expect(report).toMatchObject({ complete: true, resumed: true, source: { objects: 250 }, deleted: 1 });
    expect(target.count('put')).toBe(250);
  });

  it('deletes nothing when the listing fails in the middle of the deletion', async () => {
    fill(150);
    for (let index = 0; index < 30; index += 1) target.write(`x${index}`, 'x');
    source.before = ({ operation, store }) => {
      if (operation === 'list' && store.count('list') === 4) throw failed('R2_FAILED');
    };
    const checkpoint = memoryCheckpoint();
    await expect(run({ deleteExtraneous: true, checkpoint })).rejects.toMatchObject({ code: 'R2_FAILED' });
    expect(target.count('deleteMany')).toBe(0);
    source.before = () => undefined;
    expect(await run({ deleteExtraneous: true, checkpoint })).toMatchObject({ deleted: 30, extraneous: 30 });
    expect(target.contents()).toEqual(source.contents());
  });

  it('needs no more than a save, wherever it is killed', async () => {
    const keys = fill(60);
    let killedInTheMiddle = 0;
    for (let index = 0; index < 25; index += 1) target.write(`x${index}`, 'x');
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 9 }),
        async (killAt, concurrency) => {
          const copy = new MemoryStore(7, new Map(target.objects));
          const checkpoint = memoryCheckpoint();
          let calls = 0;
          let kill: () => void = () => undefined;
          const death = new Promise<void>((resolve) => (kill = resolve));
          // From that call on nothing comes back, as for a process that is gone.
          copy.before = () => {
            calls += 1;
            if (calls < killAt) return undefined;
            kill();
            return new Promise<void>(() => undefined);
          };
          const options = { concurrency, deleteExtraneous: true, checkpointObjects: 5 };
          const first = run({ ...options, to: { client: clientWith(copy), bucket: 'target' }, checkpoint });
          await Promise.race([first, death]);
          const missing = keys.filter((key) => !copy.objects.has(key)).length;
          const again = new MemoryStore(7, copy.objects);
          const to = { client: clientWith(again), bucket: 'target' };
          const report = await run({ ...options, to, checkpoint: memoryCheckpoint(checkpoint.text), verify: true });
          expect(report).toMatchObject({ complete: true, source: { objects: 60 }, failures: [] });
          expect(again.contents()).toEqual(source.contents());
          expect(again.count('put')).toBe(missing);
          killedInTheMiddle += checkpoint.text !== null && missing > 0 ? 1 : 0;
        },
      ),
      { numRuns: 60 },
    );
    expect(killedInTheMiddle).toBeGreaterThan(5);
  });
});

describe('compareKeys', () => {
  it('orders as UTF-8 bytes do', () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom('a', '/', '\ud7ff', '\ue000', '\uffff'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
    });
    fc.assert(
      fc.property(text, text, (one, other) => {
        const bytes = Buffer.compare(Buffer.from(one), Buffer.from(other));
        expect(Math.sign(compareKeys(one, other))).toBe(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('partSizeOf', () => {
  it('finds the size that common tools cut by, for any length', () => {
    const common = fc.constantFrom(5, 8, 16, 64, 100).map((mib) => mib * MIB);
    fc.assert(
      fc.property(
        common,
        fc.integer({ min: 2, max: 9000 }),
        fc.integer({ min: 1, max: 5 * MIB }),
        (bytes, parts, last) => {
          const size = bytes * (parts - 1) + last;
          const found = partSizeOf(size, parts);
          expect(Math.ceil(size / found)).toBe(parts);
          // Where several would do, the parts are few; from 20 on there is but one.
          if (parts > 20) expect(found).toBe(bytes);
        },
      ),
    );
  });

  it('never gives a size that R2 refuses', () => {
    const any = fc.integer({ min: 0, max: 4 * 1024 ** 4 });
    fc.assert(
      fc.property(any, fc.option(fc.integer({ min: 1, max: 99_999 })), (size, parts) => {
        const found = partSizeOf(size, parts);
        const count = Math.ceil(size / found);
        expect(count).toBeLessThanOrEqual(10_000);
        if (count > 1) expect(found).toBeGreaterThanOrEqual(5 * MIB);
        expect(found).toBeLessThanOrEqual(5 * 1024 * MIB);
      }),
    );
  });
});
