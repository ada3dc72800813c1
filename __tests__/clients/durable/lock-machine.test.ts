import { LockMachine } from '../../../src/durable-objects/lock/lock-machine.js';
import type { LockAnswer, LockRequest } from '../../../src/durable-objects/lock/lock-api.js';
import { fc } from '../../support/kv.js';
import { ManualHost } from '../../support/object-host.js';

const DAY_MS = 86_400_000;

const request = (owner: string, more: Partial<LockRequest> = {}): LockRequest => ({
  owner,
  ttlMs: 10_000,
  permits: 1,
  queue: false,
  waitMs: 0,
  ...more,
});
const isTold = async (answer: Promise<LockAnswer>): Promise<boolean> => {
  const later = new Promise((resolve) => setImmediate(resolve, 'later'));
  return (await Promise.race([answer, later])) !== 'later';
};

describe('the machine of a lock', () => {
  let host: ManualHost;
  let machine: LockMachine;
  beforeEach(() => {
    host = new ManualHost();
    machine = new LockMachine(host);
  });
  /** What is answered at once. */
  const ask = (wanted: LockRequest, of = machine): LockAnswer => {
    const answer = of.acquire(wanted);
    if (answer instanceof Promise) throw new Error('not answered');
    return answer;
  };
  const poll = async (wanted: LockRequest): Promise<LockAnswer> => machine.acquire(wanted);

  it('writes one row for each change, none for what is refused, asked or waited for, and sets one alarm a day', async () => {
    ask(request('a'));
    expect(host.counts).toMatchObject({ put: 1, setAlarm: 1 });
    for (let index = 0; index < 50; index += 1) ask(request(`try-${index}`));
    void poll(request('b', { queue: true, waitMs: 1_000 }));
    machine.check({ owner: 'a' });
    machine.status();
    machine.release({ owner: 'stranger' });
    expect(host.counts).toMatchObject({ put: 1, setAlarm: 1 });
    machine.extend({ owner: 'a', ttlMs: 10_000 });
    expect(host.counts.put).toBe(1);
    host.time += 1;
    machine.extend({ owner: 'a', ttlMs: 10_000 });
    machine.release({ owner: 'a' });
    machine.release({ owner: 'a' });
    expect(host.counts).toEqual({ put: 3, setAlarm: 1, clear: 0 });
  });

  it('answers the same owner again with the same fence and what is left of the lease', () => {
    const first = ask(request('a'));
    host.time += 4_000;
    expect(ask(request('a'))).toEqual({ ...first, remainingMs: 6_000 });
    expect(ask(request('a'), new LockMachine(host))).toEqual({ ...first, remainingMs: 6_000 });
    expect(host.counts.put).toBe(1);
  });

  it('says what it said to a release that comes again, also after a reset', () => {
    ask(request('a'));
    expect(machine.release({ owner: 'a' })).toEqual({ released: true });
    ask(request('b'));
    expect(new LockMachine(host).release({ owner: 'a' })).toEqual({ released: true });
    expect(machine.check({ owner: 'b' })).toMatchObject({ held: true });
  });

  it('says so also when others have given back many times meanwhile', () => {
    ask(request('a'));
    machine.release({ owner: 'a' });
    for (let index = 0; index < 50; index += 1) {
      ask(request(`owner-${index}`));
      machine.release({ owner: `owner-${index}` });
    }
    machine.release({ owner: 'never-held' });
    expect(machine.release({ owner: 'a' })).toEqual({ released: true });
    expect(machine.release({ owner: 'never-held' })).toEqual({ released: false });
  });

  it('grants nothing to an attempt that arrives after it was given up', () => {
    machine.release({ owner: 'a' });
    expect(ask(request('a', { queue: true }))).toEqual({ state: 'withdrawn' });
    ask(request('b'));
    machine.release({ owner: 'b' });
    expect(ask(request('b'), new LockMachine(host))).toEqual({ state: 'withdrawn' });
    expect(machine.status()).toEqual({ holders: 0, waiters: 0 });
  });

  it('remembers those who gave up for a minute, and not without bound', () => {
    for (let index = 0; index < 300; index += 1) machine.release({ owner: `gone-${index}` });
    expect(ask(request('gone-299'))).toEqual({ state: 'withdrawn' });
    expect(ask(request('gone-0'))).toMatchObject({ state: 'granted' });
  });

  it('bounds what a client of another version asks for', () => {
    const odd = { ttlMs: Number.NaN, permits: -1, queue: true, waitMs: Number.NaN };
    expect(ask({ owner: 'a', ...odd })).toMatchObject({ state: 'granted', remainingMs: 1_000 });
    expect(ask({ owner: 'b', ...odd })).toMatchObject({ state: 'wait' });
    expect(machine.extend({ owner: 'a', ttlMs: 1e12 })).toMatchObject({ remainingMs: DAY_MS });
  });

  describe('the line', () => {
    const wait = (owner: string, ticket?: number): Promise<LockAnswer> =>
      poll(request(owner, { queue: true, waitMs: 5_000, ticket }));

    it('tells the first that it is its turn, and grants when it comes', async () => {
      ask(request('a'));
      const [b, c] = [wait('b'), wait('c')];
      expect(await isTold(b)).toBe(false);
      machine.release({ owner: 'a' });
      expect(await isTold(b)).toBe(true);
      expect(await isTold(c)).toBe(false);
      expect(machine.status()).toEqual({ holders: 0, waiters: 2 });
      expect(ask(request('d'))).toEqual({ state: 'held' });
      expect(await wait('b')).toMatchObject({ state: 'granted' });
      expect(await isTold(c)).toBe(false);
    });

    it('tells the next when the first does not come', async () => {
      ask(request('a'));
      const [b, c] = [wait('b'), wait('c')];
      machine.release({ owner: 'a' });
      await b;
      host.advance(999);
      expect(await isTold(c)).toBe(false);
      host.advance(1);
      expect(await isTold(c)).toBe(true);
      expect(await wait('c')).toMatchObject({ state: 'granted' });
    });

    it('lets a waiter in again at its place, with its ticket, when it was late', async () => {
      ask(request('a'));
      const b = wait('b');
      void wait('c');
      host.advance(5_000);
      const answer = await b;
      if (answer.state !== 'wait') throw new Error('not told to wait');
      host.advance(1_500);
      expect(machine.status().waiters).toBe(0);
      void wait('d');
      void wait('b', answer.ticket);
      machine.release({ owner: 'a' });
      expect(await isTold(wait('d'))).toBe(false);
      expect(await wait('b')).toMatchObject({ state: 'granted' });
    });

    it('tells the first when the lease of a dead holder runs out', async () => {
      ask(request('a', { ttlMs: 3_000 }));
      const b = wait('b');
      host.advance(2_999);
      expect(await isTold(b)).toBe(false);
      host.advance(1);
      expect(await isTold(b)).toBe(true);
    });

    it('keeps nobody longer than five seconds in one call', async () => {
      ask(request('a', { ttlMs: 60_000 }));
      const b = poll(request('b', { queue: true, waitMs: 60_000 }));
      host.advance(5_000);
      expect(await b).toMatchObject({ state: 'wait' });
    });

    it('answers an older call of the same waiter when a newer one arrives', async () => {
      ask(request('a'));
      const older = wait('b');
      void wait('b');
      expect(await older).toMatchObject({ state: 'wait' });
      expect(machine.status().waiters).toBe(1);
    });

    it('stays in order when a reset object hears of its waiters again, whoever comes back first', async () => {
      ask(request('a'));
      const answers = ['b', 'c', 'd'].map((owner) => ask(request(owner, { queue: true })));
      const tickets = answers.map((answer) => (answer.state === 'wait' ? answer.ticket : 0));
      machine.release({ owner: 'a' });
      machine = new LockMachine(host);
      const d = wait('d', tickets[2]);
      void wait('new');
      host.advance(200);
      const c = wait('c', tickets[1]);
      const b = wait('b', tickets[0]);
      host.advance(299);
      expect(await isTold(b)).toBe(false);
      host.advance(1);
      expect(await Promise.all([b, c, d].map(isTold))).toEqual([true, false, false]);
    });

    it('lets nobody pass who takes the lock to have more places', async () => {
      ask(request('a', { permits: 3 }));
      const b = wait('b');
      const c = poll(request('c', { permits: 3, queue: true, waitMs: 5_000 }));
      expect(await isTold(c)).toBe(false);
      expect(ask(request('d', { permits: 3 }))).toEqual({ state: 'held' });
      machine.release({ owner: 'a' });
      expect([await isTold(b), await isTold(c)]).toEqual([true, false]);
      expect(ask(request('c', { permits: 3, queue: true }))).toMatchObject({ state: 'wait' });
      expect(await wait('b')).toMatchObject({ state: 'granted' });
    });

    it('costs no more for each waiter when many hold and many wait', () => {
      for (let index = 0; index < 500; index += 1) ask(request(`holder-${index}`, { permits: 500 }));
      const list = jest.spyOn(Array.prototype, 'filter');
      // What is told goes over all who hold: it may do so a few times, and not once for each who waits.
      const counted = (owner: string): number => {
        list.mockClear();
        void poll(request(owner, { permits: 500, queue: true, waitMs: 5_000 }));
        return list.mock.calls.length;
      };
      counted('first');
      const early = counted('second');
      for (let index = 0; index < 200; index += 1)
        void poll(request(`w-${index}`, { permits: 500, queue: true, waitMs: 5_000 }));
      const last = counted('last');
      list.mockRestore();
      expect(last).toBe(early);
    });

    it('takes no ticket that would leave none for others', () => {
      host.time += 1_000;
      ask(request('a'));
      const odd = ask(request('b', { queue: true, ticket: Number.MAX_SAFE_INTEGER }));
      const next = ask(request('c', { queue: true }));
      if (odd.state !== 'wait' || next.state !== 'wait') throw new Error('not told to wait');
      const last = ask(request('d', { queue: true }));
      expect(next.ticket).toBeGreaterThan(odd.ticket);
      if (last.state !== 'wait') throw new Error('not told to wait');
      expect(last.ticket).toBeGreaterThan(next.ticket);
      machine.release({ owner: 'a' });
      expect(ask(request('c'))).toEqual({ state: 'held' });
      expect(ask(request('b'))).toMatchObject({ state: 'granted' });
    });

    it('leaves no timer when nobody waits', () => {
      ask(request('a'));
      expect(host.timers).toBe(0);
      void wait('b');
      expect(host.timers).toBe(1);
      machine.release({ owner: 'b' });
      expect(host.timers).toBe(0);
    });
  });

  describe('cleaning up', () => {
    it('forgets everything a day after the lock was last held, and not before', () => {
      ask(request('a'));
      machine.release({ owner: 'a' });
      host.time += DAY_MS / 2;
      ask(request('b', { ttlMs: 20_000 }));
      host.time += DAY_MS / 2 + 10_000;
      machine.alarm();
      expect(host.counts).toMatchObject({ setAlarm: 2, clear: 0 });
      host.time = host.alarmAt!;
      machine.alarm();
      expect(host.counts.clear).toBe(1);
      expect(host.rows.size).toBe(0);
      expect(machine.status()).toEqual({ holders: 0, waiters: 0 });
      ask(request('c'));
      expect(host.alarmAt).toBeDefined();
    });

    it('never lets a fence go back, with a clock that does by less than a day, resets and clean-ups', () => {
      const move = fc.oneof(
        fc.record({ kind: fc.constant('move' as const), ms: fc.integer({ min: -DAY_MS + 1, max: 3 * DAY_MS }) }),
        fc.record({
          kind: fc.constantFrom('acquire' as const, 'release' as const, 'force' as const),
          ms: fc.constant(0),
        }),
        fc.record({
          kind: fc.constantFrom('reset' as const, 'alarm' as const),
          ms: fc.integer({ min: 0, max: 3 * DAY_MS }),
        }),
      );
      let cleaned = 0;
      const property = fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        const host = new ManualHost();
        let machine = new LockMachine(host);
        let highest = 0;
        let latest = host.time;
        let owner = 0;
        for (const { kind, ms } of moves) {
          // Never a day or more behind the latest time that it has shown.
          host.time = Math.max(host.time + ms, latest - DAY_MS + 1);
          latest = Math.max(latest, host.time);
          if (kind === 'reset') machine = new LockMachine(host);
          if (kind === 'alarm' && host.alarmAt !== undefined && host.alarmAt <= host.time) machine.alarm();
          if (kind === 'release') machine.release({ owner: `owner-${owner}` });
          if (kind === 'force') machine.forceRelease({ operation: `force-${owner}` });
          if (kind !== 'acquire') continue;
          const answer = machine.acquire(request(`owner-${(owner += 1)}`));
          if (answer instanceof Promise || answer.state !== 'granted') continue;
          expect(answer.fence).toBeGreaterThan(highest);
          highest = answer.fence;
        }
        cleaned += host.counts.clear;
      });
      fc.assert(property, { numRuns: 500, seed: 5 });
      expect(cleaned).toBeGreaterThan(50);
    });

    it('gives rising fences within one millisecond, and with a clock that stands still', () => {
      const fences = Array.from({ length: 100 }, (_, index) => {
        const answer = ask(request(`owner-${index}`));
        machine.release({ owner: `owner-${index}` });
        return answer.state === 'granted' ? answer.fence : 0;
      });
      expect(fences).toEqual(fences.map((_, index) => host.time + index));
    });
  });
});
