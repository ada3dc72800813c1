import type { EventSink } from '../../src/events.js';
import { combineSinks } from '../../src/sinks/combine-sinks.js';
import { RecordingSink } from '../../src/testing.js';
import { EVENTS } from './events.js';

const broken: EventSink & Disposable & AsyncDisposable = {
  emit() {
    throw new Error('emit');
  },
  [Symbol.dispose]() {
    throw new Error('dispose');
  },
  async [Symbol.asyncDispose]() {
    throw new Error('dispose');
  },
};

// Not declared as a sink, whose emit is not async; it is assignable to one all the same.
const rejecting = {
  emit: async (): Promise<void> => {
    throw new Error('later');
  },
};

/** A sink that says when it is disposed. */
function disposable(log: string[], name: string): EventSink & Disposable {
  return { emit: () => undefined, [Symbol.dispose]: () => void log.push(name) };
}

describe('combineSinks', () => {
  test('hands each event to each sink, in order', () => {
    const seen: string[] = [];
    const combined = combineSinks({ emit: ({ type }) => seen.push(`a ${type}`) }, { emit: () => seen.push('b') });
    combined.emit(EVENTS['session.hit']);
    expect(seen).toEqual(['a session.hit', 'b']);
  });

  test('keeps a sink that throws or rejects from none of the others', async () => {
    const [first, last] = [new RecordingSink(), new RecordingSink()];
    combineSinks(first, broken, rejecting, undefined, last).emit(EVENTS['cache.hit']);
    await new Promise((resolve) => setImmediate(resolve));
    expect(first.events).toEqual([EVENTS['cache.hit']]);
    expect(last.events).toEqual([EVENTS['cache.hit']]);
  });

  test('disposes those that can be disposed, also after one that fails', () => {
    const log: string[] = [];
    const combined = combineSinks(disposable(log, 'a'), broken, new RecordingSink(), disposable(log, 'b'));
    combined[Symbol.dispose]();
    expect(log).toEqual(['a', 'b']);
  });

  test('waits for those that are disposed asynchronously', async () => {
    const log: string[] = [];
    const slow: EventSink & AsyncDisposable = {
      emit: () => undefined,
      async [Symbol.asyncDispose]() {
        await new Promise((resolve) => setImmediate(resolve));
        log.push('slow');
      },
    };
    await combineSinks(slow, broken, disposable(log, 'a'))[Symbol.asyncDispose]();
    expect(log).toEqual(['a', 'slow']);
  });

  test('is a sink without any', () => {
    const combined = combineSinks();
    combined.emit(EVENTS['cache.hit']);
    combined[Symbol.dispose]();
  });
});
