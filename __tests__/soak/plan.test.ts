import { FaultState, readFault, writeFault } from '../../soak/faults.js';
import { MAY_FAIL, mayFail, MENU, PER_MINUTE, plan, type Traffic } from '../../soak/plan.js';
import { seededRandom } from '../support/seeded.js';

test('the same seed gives the same plan, another seed another', () => {
  expect(plan(30, seededRandom(1))).toEqual(plan(30, seededRandom(1)));
  expect(plan(30, seededRandom(1))).not.toEqual(plan(30, seededRandom(2)));
});

test('a plan has so many steps of each kind a minute, in order, all within its time', () => {
  const steps = plan(120, seededRandom(3));
  for (const [traffic, perMinute] of Object.entries(PER_MINUTE)) {
    expect(steps.filter((step) => step.traffic === traffic)).toHaveLength(perMinute * 2);
  }
  const times = steps.map(({ atMs }) => atMs);
  expect(times).toEqual([...times].sort((one, other) => one - other));
  expect(Math.max(...times)).toBeLessThan(120_000);
});

test('what may fail is on the menu, so that no exemption outlives its fault', () => {
  const onMenu = Object.entries(MENU).flatMap(([traffic, faults]) => faults.map((fault) => `${traffic} ${fault}`));
  expect(Object.keys(MAY_FAIL).filter((each) => !onMenu.includes(each))).toEqual([]);
  expect(Object.keys(PER_MINUTE).some((traffic) => mayFail(traffic as Traffic, null))).toBe(false);
});

test('a fault hits as many operations of its kind as it says, and is written and read alike', () => {
  const state = new FaultState(readFault(writeFault({ kind: 'kv-error', times: 2 })));
  expect(['kv-error', 'kv-hang', 'kv-error', 'kv-error'].map((kind) => state.hits(kind as 'kv-error'))).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect(state.injected).toBe(2);
  expect(readFault(writeFault({ kind: 'r2-cut', times: Infinity }))).toEqual({ kind: 'r2-cut', times: Infinity });
  expect(new FaultState(readFault(null)).hits('kv-error')).toBe(false);
});
