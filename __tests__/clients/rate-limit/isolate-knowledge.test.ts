import { IsolateKnowledge } from '../../../src/clients/rate-limit/isolate-knowledge.js';

describe('IsolateKnowledge', () => {
  test('holds a refusal good until its key is refunded or ended, and a lease until it is ended', () => {
    const knowledge = new IsolateKnowledge();
    const since = knowledge.now;
    const judge = (key: string) => [knowledge.isRefusalGood(key, since), knowledge.isLeaseGood(key, since)];
    knowledge.refund('refunded');
    knowledge.end('ended');
    expect([judge('other'), judge('refunded'), judge('ended')]).toEqual([
      [true, true],
      [false, true],
      [false, false],
    ]);
    expect(knowledge.isRefusalGood('refunded', knowledge.now)).toBe(true);
    expect(knowledge.isLeaseGood('ended', knowledge.now)).toBe(true);
  });

  test('holds nothing good that it can no longer tell: it remembers the last 10,000 keys', () => {
    const knowledge = new IsolateKnowledge();
    const since = knowledge.now;
    knowledge.end('first');
    for (let index = 1; index < 9_999; index += 1) knowledge.end(`key-${index}`);
    expect(knowledge.isLeaseGood('first', since)).toBe(false);
    expect(knowledge.isLeaseGood('other', since)).toBe(true);
    for (let index = 0; index < 5_000; index += 1) knowledge.end(`more-${index}`);
    expect(knowledge.isLeaseGood('first', since)).toBe(false);
    expect(knowledge.isLeaseGood('other', since)).toBe(false);
    expect(knowledge.isRefusalGood('other', since)).toBe(false);
  });
});
