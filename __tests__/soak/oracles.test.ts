import {
  changedContents,
  countBreaches,
  limitBreaches,
  listBreaches,
  memoryGrowth,
  revivedSessions,
} from '../../soak/oracles.js';

const EXACT = { limit: 2, windowMs: 1000, extra: () => 0 };
const accepted = (identifier: string, sentAt: number, answeredAt = sentAt + 10) => ({ identifier, sentAt, answeredAt });

describe('limitBreaches', () => {
  test('finds the identifier that was let through more often than the limit within a window', () => {
    const calls = [accepted('a', 0), accepted('a', 100), accepted('a', 200), accepted('b', 0), accepted('b', 100)];
    expect(limitBreaches(calls, EXACT)).toEqual(['a: 3 accepted, 2 allowed']);
  });

  test('does not add up calls of different windows, nor one that may have been decided outside of the window', () => {
    expect(limitBreaches([accepted('a', 0), accepted('a', 500), accepted('a', 1001)], EXACT)).toEqual([]);
    expect(limitBreaches([accepted('a', 0), accepted('a', 500), accepted('a', 995)], EXACT)).toEqual([]);
    expect(limitBreaches([accepted('a', 0), accepted('a', 500), accepted('a', 990)], EXACT)).toHaveLength(1);
  });

  test('grants more to an identifier whose objects were out of reach, and to no other', () => {
    const calls = ['a', 'b'].flatMap((each) => [0, 1, 2].map((at) => accepted(each, at)));
    const bound = { ...EXACT, extra: (identifier: string) => (identifier === 'a' ? 1 : 0) };
    expect(limitBreaches(calls, bound)).toEqual(['b: 3 accepted, 2 allowed']);
  });
});

describe('revivedSessions', () => {
  const ended = new Map([['0123456789', 100]]);

  test('finds a session that is let in after its end was acknowledged', () => {
    expect(revivedSessions([{ token: '0123456789', sentAt: 101 }], ended, 0)).toEqual([
      '012345… let in 1 ms after its end',
    ]);
  });

  test('leaves requests that were under way, other sessions, and those within the bound', () => {
    const calls = [
      { token: '0123456789', sentAt: 100 },
      { token: 'another', sentAt: 500 },
    ];
    expect(revivedSessions(calls, ended, 0)).toEqual([]);
    expect(revivedSessions([{ token: '0123456789', sentAt: 160 }], ended, 60)).toEqual([]);
  });
});

describe('listBreaches', () => {
  const published = [{ creatorId: 'ada', mediaId: 'film', at: 100 }];
  const read = (sentAt: number, items: { id: string; creatorId: string }[]) => ({ creatorId: 'ada', sentAt, items });

  test('finds an item of another tenant', () => {
    expect(listBreaches([read(0, [{ id: 'other', creatorId: 'grace' }])], [], 1000)).toEqual([
      'the list of ada shows other of grace',
    ]);
  });

  test('finds a list that is older than the bound, and no earlier', () => {
    expect(listBreaches([read(1101, [])], published, 1000)).toEqual([
      'a list lacks film, 1001 ms after its publication',
    ]);
    expect(listBreaches([read(1100, [])], published, 1000)).toEqual([]);
    expect(listBreaches([read(1101, [{ id: 'film', creatorId: 'ada' }])], published, 1000)).toEqual([]);
  });
});

test('countBreaches finds a counter that lost an increment, and one that counted an increment twice', () => {
  const counter = (value: number) => ({ name: 'film', acknowledged: 3, unknown: 1, value });
  expect([2, 3, 4, 5].map((value) => countBreaches([counter(value)]).length)).toEqual([1, 0, 0, 1]);
});

test('changedContents finds other bytes and what is gone', () => {
  const transfers = [
    { name: 'same', sent: 'a', received: 'a' },
    { name: 'other', sent: 'a', received: 'b' },
    { name: 'gone', sent: 'a', received: null },
  ];
  expect(changedContents(transfers)).toEqual(['other: other bytes', 'gone: is gone']);
});

test('memoryGrowth compares what is left after collections in the last third with the second: warm-up and peaks do not count', () => {
  const samples = (mibs: number[]) => mibs.map((mib, at) => ({ at, mib }));
  expect(memoryGrowth(samples([10, 50, 100, 100, 100, 100, 100, 100, 100]))).toBe(0);
  expect(memoryGrowth(samples([10, 50, 100, 100, 300, 100, 100, 100, 100]))).toBe(0);
  expect(memoryGrowth(samples([10, 50, 90, 12, 60, 40, 70, 12, 300]))).toBe(0);
  expect(memoryGrowth(samples([10, 50, 100, 100, 110, 120, 130, 140, 150]))).toBe(30);
});
