import type { JournalHead } from '../../src/durable-objects/operation-journal.js';
import { JOURNAL_MS, OperationJournal } from '../../src/durable-objects/operation-journal.js';
import { CountingHost } from '../support/counting-host.js';
import { fc } from '../support/kv.js';

const START = 1_000_000;

/** A journal with its owner, which stores the head in a row of its own. */
class Owner {
  readonly host = new CountingHost(START);
  journal = this.#read();

  do(id: string): number {
    const known = this.journal.find(id);
    if (known !== undefined) return known;
    const reply = this.host.nowMs;
    this.host.storage.put('owner', this.journal.add(id, reply, this.host.nowMs));
    return reply;
  }

  evict(): void {
    this.journal = this.#read();
  }

  get slices(): number {
    return this.host.rows.size - 1;
  }

  #read(): OperationJournal<number> {
    const { storage } = this.host;
    return new OperationJournal<number>(storage, storage.get('owner') as JournalHead<number> | undefined);
  }
}

describe('OperationJournal', () => {
  test('answers what was answered, in memory and from storage, and undefined for what was not done', () => {
    const owner = new Owner();
    owner.do('a');
    owner.host.nowMs += 1000;
    expect(owner.do('a')).toBe(START);
    owner.evict();
    expect(owner.do('a')).toBe(START);
    expect(owner.journal.find('b')).toBeUndefined();
  });

  test('costs one row more in 65 operations', () => {
    const owner = new Owner();
    for (let index = 0; index < 650; index += 1) owner.do(`id-${index}`);
    expect([owner.host.puts, owner.slices]).toEqual([660, 10]);
    owner.evict();
    for (let index = 0; index < 650; index += 1) owner.do(`id-${index}`);
    expect(owner.host.puts).toBe(660);
  });

  test('forgets after a minute, and deletes the rows', () => {
    const owner = new Owner();
    for (let index = 0; index < 1000; index += 1) owner.do(`id-${index}`);
    owner.host.nowMs += JOURNAL_MS - 1;
    owner.do('b');
    owner.evict();
    expect(owner.journal.find('id-0')).toBe(START);
    owner.host.nowMs += 1;
    owner.do('c');
    expect(owner.journal.find('id-0')).toBeUndefined();
    expect(owner.journal.find('id-999')).toBeUndefined();
    expect(owner.journal.find('b')).toBe(START + JOURNAL_MS - 1);
    expect(owner.slices).toBe(0);
    owner.evict();
    expect(owner.journal.find('id-0')).toBeUndefined();
    expect(owner.journal.find('b')).toBe(START + JOURNAL_MS - 1);
  });

  test('stays as small as a minute of operations', () => {
    const owner = new Owner();
    for (let index = 0; index < 10_000; index += 1) {
      owner.host.nowMs += 100;
      if (index % 50 === 0) owner.evict();
      owner.do(`id-${index}`);
      expect(owner.slices).toBeLessThanOrEqual(1 + Math.ceil(600 / 65));
    }
    expect(owner.host.deletes).toBeGreaterThan(100);
  });

  test.each(['id-0', 'id-100', 'id-129', 'unknown'])(
    'forgets %s when told to, wherever it is stored, and no other',
    (id) => {
      const owner = new Owner();
      for (let index = 0; index < 140; index += 1) owner.do(`id-${index}`);
      owner.journal.forget(id);
      owner.host.storage.put('owner', owner.journal.head);
      for (const evicts of [false, true]) {
        if (evicts) owner.evict();
        const known = Array.from({ length: 140 }, (_, index) => `id-${index}`).filter(
          (name) => owner.journal.find(name) !== undefined,
        );
        expect(known).toHaveLength(id === 'unknown' ? 140 : 139);
        expect(owner.journal.find(id)).toBeUndefined();
      }
      owner.host.nowMs += 1000;
      expect(owner.do(id)).toBe(START + 1000);
      owner.evict();
      expect(owner.do(id)).toBe(START + 1000);
    },
  );

  test('says until when it remembers', () => {
    const owner = new Owner();
    expect(owner.journal.until).toBe(0);
    for (let index = 0; index < 65; index += 1) {
      owner.host.nowMs += 1;
      owner.do(`id-${index}`);
      expect(owner.journal.until).toBe(owner.host.nowMs + JOURNAL_MS);
    }
    expect(owner.journal.head.entries).toEqual([]);
  });

  test('forgets nothing sooner because the clock was set back, and piles nothing up until the old time comes', () => {
    const owner = new Owner();
    owner.do('before');
    owner.host.nowMs -= 30_000;
    owner.do('after');
    owner.host.nowMs += JOURNAL_MS;
    owner.do('later');
    expect(owner.do('before')).toBe(START);
    expect(owner.do('after')).toBe(START - 30_000);
    for (let index = 0; index < 130; index += 1) owner.do(`slice-${index}`);
    owner.host.nowMs -= 24 * 3_600_000;
    for (let index = 0; index < 10_000; index += 1) {
      owner.host.nowMs += 100;
      owner.do(`id-${index}`);
    }
    expect(owner.slices).toBeLessThanOrEqual(11);
  });

  test('forgets in the order in which operations were done, also where the older ones stand in rows of their own', () => {
    const owner = new Owner();
    for (let index = 0; index < 65; index += 1) owner.do(`before-${index}`);
    owner.host.nowMs -= 30_000;
    owner.do('after');
    owner.host.nowMs += JOURNAL_MS;
    owner.do('later');
    expect(owner.do('before-0')).toBe(START);
    expect(owner.do('after')).toBe(START - 30_000);
  });

  test('takes what is stored and is none for none', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.anything(), (slice, entries, stored) => {
        const { storage } = new CountingHost(START, new Map([['journal:0', stored]]));
        const journal = new OperationJournal<number>(storage, { slice, entries } as JournalHead<number>);
        journal.add('a', 1, START);
        expect(journal.find('a')).toBe(1);
        expect(journal.until).toBeGreaterThan(0);
      }),
      { numRuns: 300, seed: 1 },
    );
    expect(new OperationJournal<number>(new CountingHost().storage, 'x' as never).until).toBe(0);
  });

  test('does every operation once, whatever is sent again within a minute and however often memory is lost', () => {
    const steps = fc.array(
      fc.record({ id: fc.nat({ max: 300 }), pauseMs: fc.nat({ max: 700 }), evicts: fc.boolean() }),
      { maxLength: 400, size: 'max' },
    );
    fc.assert(
      fc.property(steps, (given) => {
        const owner = new Owner();
        const done = new Map<number, number>();
        for (const { id, pauseMs, evicts } of given) {
          owner.host.nowMs += pauseMs;
          if (evicts) owner.evict();
          const doneAt = done.get(id) ?? -Infinity;
          const reply = owner.do(`id-${id}`);
          if (owner.host.nowMs < doneAt + JOURNAL_MS) expect(reply).toBe(doneAt);
          done.set(id, reply);
        }
      }),
      { numRuns: 25, seed: 2 },
    );
  });
});
