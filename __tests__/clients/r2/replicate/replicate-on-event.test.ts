import fc from 'fast-check';
import { isCloudflareClientError } from '../../../../src/errors.js';
import {
  replicateBatch,
  replicateOnEvent,
  type QueueMessageLike,
  type ReplicateOnEventOptions,
} from '../../../../src/clients/r2/replicate/replicate-on-event.js';
import { clientWith, failed, MemoryStore } from './memory-store.js';

let source: MemoryStore;
let target: MemoryStore;

beforeEach(() => {
  source = new MemoryStore();
  target = new MemoryStore();
});

function options(more: Partial<ReplicateOnEventOptions> = {}): ReplicateOnEventOptions {
  return {
    from: { client: clientWith(source), bucket: 'source' },
    to: { client: clientWith(target), bucket: 'target' },
    deletions: true,
    ...more,
  };
}

function event(key: string, action = 'PutObject', bucket = 'source') {
  const object = action.startsWith('Delete') ? { key } : { key, size: 1, eTag: 'what it was then' };
  return { account: 'acc', action, bucket, object, eventTime: '2026-11-27T12:00:00.000Z' };
}

interface Message extends QueueMessageLike {
  state: 'acked' | 'none' | number;
}

function message(body: unknown, attempts = 1): Message {
  const made: Message = {
    body,
    attempts,
    state: 'none',
    ack: () => (made.state = 'acked'),
    retry: (given) => (made.state = given?.delaySeconds ?? 0),
  };
  return made;
}

describe('replicateOnEvent', () => {
  it('copies what is there now, whatever the event says', async () => {
    source.write('a', 'now');
    expect(await replicateOnEvent(options(), event('a', 'DeleteObject'))).toBe('copied');
    expect(await replicateOnEvent(options(), event('a'))).toBe('unchanged');
    expect(target.contents()).toEqual(source.contents());
    expect(target.count('put')).toBe(1);
  });

  it.each(['DeleteObject', 'LifecycleDeletion', 'PutObject'])(
    'deletes what is gone (%s), when told to',
    async (action) => {
      target.write('a', 'old');
      expect(await replicateOnEvent(options({ deletions: false }), event('a', action))).toBe('unchanged');
      expect(target.objects.size).toBe(1);
      expect(await replicateOnEvent(options(), event('a', action))).toBe('deleted');
      expect(target.objects.size).toBe(0);
    },
  );

  it('deletes nothing when it is the bucket that is gone', async () => {
    target.write('a', 'old');
    source.before = ({ operation }) => {
      if (operation === 'list') throw failed('R2_NO_SUCH_BUCKET');
    };
    await expect(replicateOnEvent(options(), event('a', 'DeleteObject'))).rejects.toMatchObject({
      code: 'R2_NO_SUCH_BUCKET',
    });
    expect(target.objects.size).toBe(1);
  });

  it('ignores other buckets and prefixes', async () => {
    const from = { client: clientWith(source), bucket: 'source', prefix: 'c1/' };
    source.write('c1/a', 'x');
    expect(await replicateOnEvent(options({ from }), event('c10/a'))).toBe('ignored');
    expect(await replicateOnEvent(options({ from }), event('c1/a', 'PutObject', 'other'))).toBe('ignored');
    expect(await replicateOnEvent(options({ from }), event('c1/a'))).toBe('copied');
    expect([...target.objects.keys()]).toEqual(['a']);
  });

  it('copies again what changed while it was copied', async () => {
    source.write('a', 'first');
    let changes = 0;
    target.before = ({ operation }) => {
      if (operation === 'put' && (changes += 1) <= 2) source.write('a', `change ${changes}`);
    };
    expect(await replicateOnEvent(options(), event('a'))).toBe('copied');
    expect(target.contents()).toEqual(source.contents());
  });

  it('gives up on a source that never stands still', async () => {
    source.write('a', 'first');
    let changes = 0;
    target.before = ({ operation }) => {
      if (operation === 'put') source.write('a', `change ${(changes += 1)}`);
    };
    await expect(replicateOnEvent(options(), event('a'))).rejects.toMatchObject({ code: 'R2_OBJECT_CHANGED' });
  });

  it('refuses a body that is no event', async () => {
    await expect(replicateOnEvent(options(), {})).rejects.toMatchObject({ code: 'INVALID_EVENT' });
  });

  it('ends right when 50 do it at once, whoever is slow', async () => {
    const stop = shuffled(source, target);
    source.write('a', 'v0');
    const work = Array.from({ length: 50 }, async (_, index) => {
      await turns(index * 4);
      if (index % 5 === 4) source.objects.delete('a');
      else source.write('a', `v${index}`);
      await untilDone(() => replicateOnEvent(options(), event('a')));
    });
    await Promise.all(work);
    expect(target.contents()).toEqual(source.contents());
    stop();
  });
});

describe('replicateBatch', () => {
  it('looks once at a key with many events, and acknowledges them all', async () => {
    source.write('a', 'x');
    source.write('b', 'x');
    const messages = Array.from({ length: 50 }, (_, index) => message(event(index % 2 === 0 ? 'a' : 'b')));
    const report = await replicateBatch(options(), { messages });
    expect(report).toEqual({ outcomes: { copied: 50, deleted: 0, unchanged: 0, ignored: 0 }, retried: [] });
    expect(messages.every(({ state }) => state === 'acked')).toBe(true);
    expect([target.count('put'), source.count('get')]).toEqual([2, 2]);
  });

  it('retries what failed, later each time, and acknowledges the rest', async () => {
    source.write('a', 'x');
    source.write('b', 'x');
    target.before = ({ operation, key }) => {
      if (operation === 'put' && key === 'a') throw failed('R2_RATE_LIMITED');
    };
    const messages = [message(event('a')), message(event('a'), 4), message(event('a'), 30), message(event('b'))];
    const report = await replicateBatch(options(), { messages });
    expect(messages.map(({ state }) => state)).toEqual([5, 40, 900, 'acked']);
    expect(report.outcomes.copied).toBe(1);
    expect(report.retried.map(({ key, error }) => [key, error.code])).toEqual(Array(3).fill(['a', 'R2_RATE_LIMITED']));
  });

  it('retries what is no event, so that it ends in the dead-letter queue', async () => {
    const messages = [message('no JSON'), message(event('elsewhere', 'PutObject', 'other'))];
    const report = await replicateBatch(options(), { messages });
    expect(messages.map(({ state }) => state)).toEqual([5, 'acked']);
    expect(report).toMatchObject({
      outcomes: { ignored: 1 },
      retried: [{ key: null, error: { code: 'INVALID_EVENT' } }],
    });
  });

  it('holds to its concurrency', async () => {
    let running = 0;
    let most = 0;
    target.before = async ({ operation }) => {
      if (operation !== 'put') return;
      most = Math.max(most, (running += 1));
      await turns(3);
      running -= 1;
    };
    const messages = Array.from({ length: 20 }, (_, index) => {
      source.write(`k${index}`, 'x');
      return message(event(`k${index}`));
    });
    await replicateBatch(options({ concurrency: 4 }), { messages });
    expect(most).toBe(4);
    await expect(replicateBatch(options({ concurrency: 0 }), { messages })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });

  const keys = ['a', 'b'] as const;
  const step = fc.record({ key: fc.constantFrom(...keys), value: fc.option(fc.integer({ min: 0, max: 3 })) });

  it('makes the destination equal the source, however events are repeated, delayed and reordered', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 12 }),
        fc.array(fc.record({ event: fc.nat(), delay: fc.nat(30) }), { maxLength: 30 }),
        fc.scheduler(),
        async (steps, repeats, scheduler) => {
          source = new MemoryStore();
          target = new MemoryStore();
          for (const store of [source, target]) {
            store.before = ({ operation, key }) => scheduler.schedule(Promise.resolve(), `${operation} ${key}`);
          }
          // Delivered as a queue does: again after a failure.
          const deliver = async (key: string): Promise<void> => {
            for (;;) {
              const one = message(event(key));
              await replicateBatch(options(), { messages: [one] });
              if (one.state === 'acked') return;
            }
          };
          const deliveries: Promise<void>[] = [];
          const change = async (): Promise<void> => {
            for (const { key, value } of steps) {
              await scheduler.schedule(Promise.resolve(), 'change');
              if (value === null) source.objects.delete(key);
              else source.write(key, `value ${value}`);
              deliveries.push(deliver(key));
            }
          };
          const repeated = repeats.map(async ({ event: index }) => {
            await scheduler.schedule(Promise.resolve(), 'repeat');
            await deliver(steps[index % steps.length]!.key);
          });
          await scheduler.waitFor(
            (async () => {
              await change();
              await Promise.all([...deliveries, ...repeated]);
            })(),
          );
          expect(target.contents()).toEqual(source.contents());
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** As a queue: what gave up on a source that changes is delivered again. */
async function untilDone(work: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (!isCloudflareClientError(error, 'R2_OBJECT_CHANGED')) throw error;
    }
  }
}

/** Lets other work go on for some turns. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Holds each call back for a number of turns that differs from call to call. */
function shuffled(...stores: MemoryStore[]): () => void {
  let seed = 7;
  for (const store of stores) {
    store.before = ({ operation }) => {
      seed = (seed * 48_271) % 2_147_483_647;
      // Writes are slow, so that one may arrive long after what it was decided by.
      return turns(seed % (['put', 'delete'].includes(operation) ? 60 : 3));
    };
  }
  return () => {
    for (const store of stores) store.before = () => undefined;
  };
}
