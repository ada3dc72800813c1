import { RevocationMachine } from '../../../../src/durable-objects/session/revocation-machine.js';
import { SessionMachine } from '../../../../src/durable-objects/session/session-machine.js';
import { fc } from '../../../support/kv.js';
import { ManualHost } from '../../../support/object-host.js';

const KEEP_MS = 172_860_000;

describe('the machine of revocations', () => {
  let host: ManualHost;
  let machine: RevocationMachine;
  beforeEach(() => {
    host = new ManualHost();
    machine = new RevocationMachine(host);
  });
  const end = (id: string, more: { at?: number; ids?: string[]; keepMs?: number } = {}) =>
    machine.endSession({ ids: [id], at: host.time, keepMs: KEEP_MS, ...more });
  const endAll = (at = host.time, keepMs = KEEP_MS) => machine.endAll({ at, keepMs });
  const check = (...ids: string[]) => machine.check({ ids });

  it('knows of nothing at first, and writes nothing for being asked', () => {
    expect(check('a', 'b')).toEqual({ revokedBefore: 0, endedAt: [0, 0] });
    expect(host.counts).toEqual({ put: 0, setAlarm: 0, clear: 0 });
  });

  it('remembers what was ended, over evictions, under all ids that it goes by', () => {
    end('a', { ids: ['a', 'old-a'] });
    host.time += 5;
    endAll();
    machine = new RevocationMachine(host);
    const [first, second] = [host.time - 5, host.time];
    expect(check('a', 'old-a', 'b')).toEqual({ revokedBefore: second, endedAt: [first, first, 0] });
  });

  it('writes one row for each change, and one alarm for the first', () => {
    for (let index = 0; index < 20; index += 1) {
      end(`s${index}`);
      host.time += 1000;
    }
    endAll();
    expect(host.counts).toEqual({ put: 21, setAlarm: 1, clear: 0 });
    expect(host.rows.size).toBe(21);
  });

  it('changes no answer when a change is sent again, also after it was reset', () => {
    const first = end('a');
    endAll();
    const before = check('a');
    machine = new RevocationMachine(host);
    expect(end('a', { at: first.endedAt })).toEqual(first);
    expect(endAll(first.endedAt)).toEqual({ revokedBefore: first.endedAt });
    expect(check('a')).toEqual(before);
    expect(host.rows.size).toBe(2);
  });

  it('never goes back in time with its clock', () => {
    end('a');
    endAll();
    const before = check('a');
    host.time -= 3_600_000;
    end('a');
    endAll();
    expect(check('a')).toEqual(before);
    host.time -= 3_600_000;
    machine = new RevocationMachine(host);
    expect(check('a')).toEqual(before);
  });

  it('believes a caller whose clock is up to a minute ahead, and no other', () => {
    const { time } = host;
    expect(endAll(time + 60_000)).toEqual({ revokedBefore: time + 60_000 });
    expect(end('a', { at: time + 60_001 })).toEqual({ endedAt: time });
    expect(end('b', { at: time - 60_000 })).toEqual({ endedAt: time });
  });

  it('forgets a row when its time is over, and comes again for the others', () => {
    end('a', { keepMs: 1000 });
    host.time += 500;
    end('b', { keepMs: 2000 });
    endAll(host.time, 3000);
    expect(host.alarmAt).toBe(host.time + 500);
    host.time += 500;
    machine.alarm();
    expect(check('a', 'b')).toEqual({ revokedBefore: host.time - 500, endedAt: [0, host.time - 500] });
    expect(host.rows.size).toBe(2);
    expect(host.alarmAt).toBe(host.time + 2500);
    host.time += 2500;
    machine.alarm();
    expect(host.rows.size).toBe(0);
    expect(host.alarmAt).toBeUndefined();
    expect(host.counts.clear).toBe(1);
    expect(check('a', 'b')).toEqual({ revokedBefore: 0, endedAt: [0, 0] });
    end('c');
    expect(host.alarmAt).toBe(host.time + KEEP_MS);
  });

  it('waits on when the alarm comes too early, as by a clock that went back', () => {
    end('a', { keepMs: 1000 });
    const until = host.time + 1000;
    host.time -= 10_000;
    machine.alarm();
    expect(check('a').endedAt[0]).toBeGreaterThan(0);
    expect(host.alarmAt).toBe(until);
  });

  it('leaves an object alone in which it stored nothing', () => {
    host.storage.put('of-another', 1);
    new SessionMachine(host).alarm();
    expect(host.rows.size).toBe(1);
    expect(host.counts).toMatchObject({ setAlarm: 0, clear: 0 });
  });

  it('asks for another alarm when one was lost', () => {
    end('a', { keepMs: 1000 });
    host.alarmAt = undefined;
    host.time += 3_601_001;
    end('b');
    expect(host.alarmAt).toBe(host.time + KEEP_MS);
    machine.alarm();
    expect(host.rows.size).toBe(1);
  });

  it('answers as a model that forgets nothing before its time, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('end' as const), id: fc.constantFrom('a', 'b', 'c') }),
      fc.record({ kind: fc.constant('all' as const) }),
      fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: -2000, max: 3000 }) }),
      fc.record({ kind: fc.constant('evict' as const) }),
    );
    const keepMs = 5000;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        host = new ManualHost();
        machine = new RevocationMachine(host);
        /** By what was ended, `all` or an id: when, and until when that is owed. */
        const model = new Map<string, readonly [at: number, until: number]>();
        const mark = (what: string): void => {
          const [at, until] = model.get(what) ?? [0, 0];
          model.set(what, [Math.max(at, host.time), Math.max(until, host.time + keepMs)]);
        };
        for (const one of steps) {
          if (one.kind === 'time') {
            if (host.advance(one.ms)) machine.alarm();
            for (const [what, [, until]] of model) if (until <= host.time) model.delete(what);
          }
          if (one.kind === 'evict') machine = new RevocationMachine(host);
          if (one.kind === 'end') end(one.id, { keepMs });
          if (one.kind === 'all') endAll(host.time, keepMs);
          if (one.kind === 'end' || one.kind === 'all') mark(one.kind === 'end' ? one.id : 'all');
          const { revokedBefore, endedAt } = check('a', 'b', 'c');
          const answers = { all: revokedBefore, a: endedAt[0], b: endedAt[1], c: endedAt[2] };
          for (const [what, answer] of Object.entries(answers)) {
            // What was ended under a clock that then went back may be remembered for longer.
            const [owed] = model.get(what) ?? [0];
            if (!(answer !== undefined && answer >= owed)) expect({ what, answer }).toEqual({ what, answer: owed });
          }
          if (host.rows.size > 0) expect(host.alarmAt).toBeDefined();
        }
        for (let alarms = 0; host.alarmAt !== undefined && alarms < 5; alarms += 1) {
          host.time = Math.max(host.time, host.alarmAt);
          machine.alarm();
        }
        expect(host.rows.size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
