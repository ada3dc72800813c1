import type { ClientEvent } from '../../src/events.js';
import { ServerTimingSink } from '../../src/sinks/server-timing-sink.js';
import { fc } from '../support/kv.js';
import { EVENTS, anyEvent } from './events.js';

// https://www.w3.org/TR/server-timing/#the-server-timing-header-field, with the tokens of RFC 9110.
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const METRIC = `${TOKEN}(?:;desc="[\\t !#-\\[\\]-~]*")?(?:;dur=\\d+(?:\\.\\d+)?)?`;
const HEADER = new RegExp(`^(?:${METRIC}(?:, ${METRIC})*)?$`);

function sinkOf(...events: ClientEvent[]): ServerTimingSink {
  const sink = new ServerTimingSink();
  events.forEach((event) => sink.emit(event));
  return sink;
}

const { 'cache.hit': hit, 'cache.load': load, 'cache.miss': miss, 'cache.stale': stale } = EVENTS;

describe('ServerTimingSink', () => {
  test('tells counts and times by kind', () => {
    const sink = sinkOf(hit, { ...hit, durationMs: 0.21 }, hit, stale, { ...miss, durationMs: 1.04 }, load, load);
    expect(sink.header()).toBe('cache;desc="hit 3, stale 1, miss 1";dur=7.3, load;desc="2";dur=80');
  });

  test('tells every kind of event', () => {
    expect(sinkOf(...Object.values(EVENTS)).header()).toBe(
      [
        'cache;desc="hit 1, stale 1, miss 1";dur=5',
        'load;desc="1";dur=40',
        'refresh;desc="1";dur=30',
        'write;desc="1, skipped 1";dur=5',
        'invalidate;desc="2";dur=6',
        'session;desc="hit 1, miss 1, revoked 1"',
        'rate-limit;desc="passed 1, denied 1";dur=15',
        'lock;desc="1, refused 1, lost 1";dur=512',
        'counter;desc="replayed 1"',
        'error;desc="2"',
      ].join(', '),
    );
  });

  test('takes what the caller forced for a load and not for a miss', () => {
    expect(sinkOf({ ...miss, reason: 'forced' }, load).header()).toBe('load;desc="1";dur=40');
  });

  test('tells loads that failed', () => {
    expect(sinkOf(load, { ...load, outcome: 'error' }).header()).toBe('load;desc="2, failed 1";dur=80');
  });

  test('tells the wait for loads of other requests apart', () => {
    expect(sinkOf(load, { ...load, outcome: 'joined' }).header()).toBe('load;desc="1";dur=40, join;desc="1";dur=40');
  });

  test('is empty without events, and then leaves the response as it is', () => {
    const response = new Response('a');
    expect(new ServerTimingSink().header()).toBe('');
    expect(new ServerTimingSink().applyTo(response)).toBe(response);
    expect(response.headers.has('Server-Timing')).toBe(false);
  });

  test('is a valid header without a key for any events', () => {
    fc.assert(
      fc.property(fc.array(anyEvent(), { maxLength: 30 }), (events) => {
        const header = sinkOf(...events).header();
        expect(header).toMatch(HEADER);
        expect(header).not.toMatch(/e\d|NaN|Infinity/);
        expect(header).not.toContain('cache:');
        if (header !== '') expect(new Response(null, { headers: { 'Server-Timing': header } }).ok).toBe(true);
      }),
    );
  });

  test('appends to the headers of a response that can be written', async () => {
    const response = new Response('body', { headers: { 'Server-Timing': 'db;dur=1' } });
    expect(sinkOf(hit).applyTo(response)).toBe(response);
    expect(response.headers.get('Server-Timing')).toBe('db;dur=1, cache;desc="hit 1";dur=3');
    expect(await response.text()).toBe('body');
  });

  test('copies a response whose headers are immutable', () => {
    const redirect = Response.redirect('https://example.com/');
    const answered = sinkOf(hit).applyTo(redirect);
    expect(answered).not.toBe(redirect);
    expect(answered.status).toBe(302);
    expect(answered.headers.get('Location')).toBe('https://example.com/');
    expect(answered.headers.get('Server-Timing')).toBe('cache;desc="hit 1";dur=3');
    expect(redirect.headers.has('Server-Timing')).toBe(false);
  });

  test('gives back a response that can be neither written nor copied', () => {
    const failed = Response.error();
    expect(sinkOf(hit).applyTo(failed)).toBe(failed);
  });
});
