import type { ClientEvent } from '../../src/events.js';
import { CloudflareClientError } from '../../src/errors.js';
import type { ConsoleLevel, ConsoleSinkOptions } from '../../src/sinks/console-sink.js';
import { ConsoleSink } from '../../src/sinks/console-sink.js';
import { codeOf, fc } from '../support/kv.js';
import { EVENTS, anyEvent, anyThrown, cacheError, cyclicError } from './events.js';

function setup(options: ConsoleSinkOptions = {}) {
  const lines: string[] = [];
  const sink = new ConsoleSink({ write: (line) => lines.push(line), ...options });
  const parsed = (): Record<string, unknown>[] => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { lines, sink, parsed };
}

describe('ConsoleSink', () => {
  test('writes an event as one line of JSON, with its level and the given fields before it', () => {
    const { lines, sink } = setup({ fields: { requestId: 'r1' } });
    sink.emit(EVENTS['cache.miss']);
    expect(lines).toEqual([
      '{"requestId":"r1","level":"info","type":"cache.miss","keyPrefix":"cache:content:","reason":"absent","durationMs":2}',
    ]);
  });

  test('writes to console.log, as it is at the time', () => {
    const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    new ConsoleSink().emit(EVENTS['session.hit']);
    expect(log.mock.calls).toEqual([['{"level":"info","type":"session.hit"}']]);
    log.mockRestore();
  });

  test('writes an error as its code and message, without stack or cause', () => {
    const { sink, parsed } = setup();
    sink.emit(
      cacheError(new CloudflareClientError('KV_READ_FAILED', 'KV read failed', { cause: new Error('secret') })),
    );
    sink.emit(cacheError(new Error('KV GET failed: "500"\n<html>')));
    expect(parsed().map(({ error }) => error)).toEqual([
      { code: 'KV_READ_FAILED', message: 'KV read failed' },
      { message: 'KV GET failed: "500"\n<html>' },
    ]);
  });

  test('writes what was thrown in place of an error without its content', () => {
    const { sink, parsed } = setup();
    for (const thrown of ['down', { token: 'secret' }, 5n, null, undefined]) sink.emit(cacheError(thrown));
    expect(parsed().map(({ error }) => error)).toEqual([
      { message: 'down' },
      { message: 'thrown: object' },
      { message: 'thrown: bigint' },
      { message: 'thrown: object' },
      { message: 'thrown: undefined' },
    ]);
  });

  test('writes stacks and causes when it is asked to, also of an error that is its own cause', () => {
    const { sink, parsed } = setup({ stacks: true });
    sink.emit(cacheError(new Error('outer', { cause: new TypeError('inner') })));
    sink.emit(cacheError(cyclicError()));
    expect(parsed()[0]!['error']).toEqual({
      message: 'outer',
      stack: expect.stringContaining('Error: outer') as string,
      cause: { message: 'inner', stack: expect.stringContaining('TypeError: inner') as string },
    });
    expect(parsed()[1]!['error']).toMatchObject({ code: 'ROUND', message: 'round', cause: { message: 'round' } });
  });

  test.each<[ConsoleLevel, ClientEvent['type'][]]>([
    ['error', ['cache.error', 'lock.lost', 'client.error']],
    [
      'warn',
      [
        'cache.skip',
        'cache.error',
        'rate-limit.denied',
        'lock.refused',
        'lock.lost',
        'kv.large-value',
        'kv.budget',
        'client.error',
      ],
    ],
    ['info', Object.values(EVENTS).map(({ type }) => type)],
  ])('writes from level %s on', (minimumLevel, types) => {
    const { sink, parsed } = setup({ minimumLevel });
    Object.values(EVENTS).forEach((event) => sink.emit(event));
    expect(parsed().map(({ type }) => type)).toEqual(types);
  });

  test('takes a loader that failed for an error, and a stale value in its place for a warning', () => {
    const { sink, parsed } = setup();
    sink.emit({ ...EVENTS['cache.load'], outcome: 'error' });
    sink.emit({ ...EVENTS['cache.refresh'], outcome: 'timeout' });
    sink.emit({ ...EVENTS['cache.stale'], reason: 'error' });
    sink.emit({ ...EVENTS['cache.load'], outcome: 'joined' });
    sink.emit({ ...EVENTS['cache.stale'], reason: 'lookup' });
    expect(parsed().map(({ level }) => level)).toEqual(['error', 'error', 'warn', 'info', 'info']);
  });

  test('warns of what a limit did not decide and of a wait in vain, not of a lock that is held', () => {
    const { sink, parsed } = setup();
    sink.emit({ ...EVENTS['rate-limit.allowed'], reason: 'store-error' });
    sink.emit({ ...EVENTS['lock.refused'], reason: 'timeout' });
    sink.emit({ ...EVENTS['lock.refused'], reason: 'held' });
    sink.emit({ ...EVENTS['lock.refused'], reason: 'aborted' });
    expect(parsed().map(({ level }) => level)).toEqual(['warn', 'warn', 'info', 'info']);
  });

  test('writes the types that are asked for, from the level that is asked for', () => {
    const { sink, parsed } = setup({ types: ['cache.hit', 'cache.error', 'cache.skip'], minimumLevel: 'warn' });
    Object.values(EVENTS).forEach((event) => sink.emit(event));
    expect(parsed().map(({ type }) => type)).toEqual(['cache.skip', 'cache.error']);
  });

  test('lets the fields of the event win', () => {
    const { sink, parsed } = setup({ fields: { type: 'mine', level: 'mine', app: 'a' } });
    sink.emit(EVENTS['session.hit']);
    expect(parsed()).toEqual([{ type: 'session.hit', level: 'info', app: 'a' }]);
  });

  test('writes fields that JSON cannot hold as what it can', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const toJSON = (): never => {
      throw new Error('no');
    };
    const { sink, parsed } = setup({ fields: { cycle, big: 2n ** 64n, bad: { toJSON }, fine: 1 } });
    sink.emit(EVENTS['session.hit']);
    expect(parsed()).toEqual([
      {
        cycle: '[not JSON]',
        big: '18446744073709551616',
        bad: '[not JSON]',
        fine: 1,
        level: 'info',
        type: 'session.hit',
      },
    ]);
  });

  test('writes one valid JSON line for any event, whatever was thrown', () => {
    fc.assert(
      fc.property(anyEvent(), anyThrown(), fc.boolean(), (event, field, stacks) => {
        const { lines, sink, parsed } = setup({ fields: { field }, stacks });
        sink.emit(event);
        expect(lines).toHaveLength(1);
        expect(lines[0]).not.toMatch(/[\r\n]/);
        expect(parsed()[0]).toMatchObject({ type: event.type });
      }),
    );
  });

  test('refuses a level that there is not', async () => {
    expect(await codeOf(() => new ConsoleSink({ minimumLevel: 'debug' as ConsoleLevel }))).toBe('INVALID_OPTION');
  });
});
