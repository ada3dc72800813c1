import { toHeaders } from '../../../src/clients/rate-limit/rate-limit-headers.js';
import type { RateLimitDraft, RateLimitHeaderOptions } from '../../../src/clients/rate-limit/rate-limit-headers.js';
import type { RateLimitResult, RateLimitsResult } from '../../../src/clients/rate-limit/rate-limit-result.js';
import { fc } from '../../support/kv.js';
import { parseList } from './structured-fields.js';

const NOW = 1_800_000_000_000;
const now = () => NOW;

const ALLOWED: RateLimitResult = {
  name: 'default',
  limit: 100,
  window: 60,
  remaining: 50,
  resetAt: NOW + 29_001,
  retryAfterMs: 0,
  allowed: true,
  approximate: false,
  reason: 'allowed',
  decidedBy: 'object',
};
const REFUSED: RateLimitResult = {
  ...ALLOWED,
  remaining: 0,
  resetAt: NOW + 1_500,
  retryAfterMs: 4_200,
  allowed: false,
  reason: 'limit-exceeded',
};
const BURST = { name: 'burst', limit: 10, window: 1, remaining: 0, resetAt: NOW + 400, retryAfterMs: 400 };
const DAILY = {
  name: 'daily',
  limit: 1000,
  window: 86_400,
  remaining: 7,
  resetAt: NOW + 40_000_000,
  retryAfterMs: 0,
};
const SEVERAL: RateLimitsResult = { ...REFUSED, ...BURST, rules: [BURST, DAILY] };
const DRAFTS: readonly RateLimitDraft[] = [10, 8, 7, 6, 'legacy'];

const headersOf = (result: RateLimitResult, options: RateLimitHeaderOptions = {}) =>
  toHeaders(result, { now, ...options });

describe('toHeaders', () => {
  it('writes draft 10 unless told otherwise', () => {
    expect(headersOf(ALLOWED)).toEqual({
      'RateLimit-Policy': '"default";q=100;w=60',
      RateLimit: '"default";r=50;t=30',
    });
  });

  it.each<[RateLimitDraft, Record<string, string>]>([
    [10, { 'RateLimit-Policy': '"default";q=100;w=60', RateLimit: '"default";r=0;t=2', 'Retry-After': '5' }],
    // Draft 8, section 5: reset and Retry-After are one point in time. So in 7 and 6.
    [8, { 'RateLimit-Policy': '"default";q=100;w=60', RateLimit: '"default";r=0;t=5', 'Retry-After': '5' }],
    [7, { 'RateLimit-Policy': '100;w=60', RateLimit: 'limit=100, remaining=0, reset=5', 'Retry-After': '5' }],
    [
      6,
      {
        'RateLimit-Policy': '100;w=60',
        'RateLimit-Limit': '100',
        'RateLimit-Remaining': '0',
        'RateLimit-Reset': '5',
        'Retry-After': '5',
      },
    ],
    [
      'legacy',
      {
        'X-RateLimit-Limit': '100',
        'X-RateLimit-Remaining': '0',
        'X-RateLimit-Reset': '1800000002',
        'Retry-After': '5',
      },
    ],
  ])('writes draft %s of a refusal', (draft, headers) => {
    expect(headersOf(REFUSED, { draft })).toEqual(headers);
  });

  it.each<[RateLimitDraft, Record<string, string>]>([
    [
      10,
      {
        'RateLimit-Policy': '"burst";q=10;w=1, "daily";q=1000;w=86400',
        RateLimit: '"burst";r=0;t=1, "daily";r=7;t=40000',
      },
    ],
    [
      8,
      {
        'RateLimit-Policy': '"burst";q=10;w=1, "daily";q=1000;w=86400',
        RateLimit: '"burst";r=0;t=5, "daily";r=7;t=40000',
      },
    ],
    [7, { 'RateLimit-Policy': '10;w=1, 1000;w=86400', RateLimit: 'limit=10, remaining=0, reset=5' }],
  ])('tells all rules in draft %s, and does not wait for one that did not refuse', (draft, headers) => {
    const waiting = { ...SEVERAL, retryAfterMs: 5_000, rules: [{ ...BURST, retryAfterMs: 5_000 }, DAILY] };
    expect(headersOf(waiting, { draft })).toEqual({ ...headers, 'Retry-After': '5' });
  });

  it('tells the rule with the least left where only one can be told, and of such the longest', () => {
    const [one, other] = [
      { ...BURST, remaining: 3, retryAfterMs: 0 },
      { ...DAILY, remaining: 3 },
    ];
    const result: RateLimitsResult = { ...ALLOWED, ...one, rules: [one, other] };
    expect(headersOf(result, { draft: 7 })['RateLimit']).toBe('limit=1000, remaining=3, reset=40000');
    const fewer: RateLimitsResult = { ...result, rules: [{ ...one, remaining: 2 }, other] };
    expect(headersOf(fewer, { draft: 'legacy' })).toMatchObject({ 'X-RateLimit-Limit': '10' });
    const bothRefuse: RateLimitsResult = {
      ...SEVERAL,
      rules: [BURST, { ...DAILY, remaining: 0, retryAfterMs: 9_000 }],
    };
    expect(headersOf(bothRefuse, { draft: 6 })).toMatchObject({ 'RateLimit-Limit': '1000' });
  });

  it('tells one policy of a quota in drafts 7 and 6, as they demand, that of the longest window', () => {
    const rules = [
      { ...DAILY, window: 60 },
      { ...DAILY, window: 3_600 },
      { ...DAILY, window: 1 },
    ];
    const result: RateLimitsResult = { ...ALLOWED, ...DAILY, rules };
    expect(headersOf(result, { draft: 7 })['RateLimit-Policy']).toBe('1000;w=3600');
  });

  it.each(DRAFTS)('has Retry-After on a refusal alone: draft %s', (draft) => {
    expect(headersOf(ALLOWED, { draft })).not.toHaveProperty('Retry-After');
    const shadow: RateLimitResult = { ...REFUSED, allowed: true, reason: 'shadow' };
    expect(headersOf(shadow, { draft })).not.toHaveProperty('Retry-After');
    expect(headersOf(REFUSED, { draft })).toHaveProperty('Retry-After', '5');
  });

  it('never says to try again at once, nor before there is more', () => {
    expect(headersOf({ ...REFUSED, resetAt: NOW - 5, retryAfterMs: 0.2 })).toMatchObject({ 'Retry-After': '1' });
    expect(headersOf({ ...REFUSED, resetAt: NOW + 9_500, retryAfterMs: 100 })).toMatchObject({
      RateLimit: '"default";r=0;t=10',
      'Retry-After': '10',
    });
  });

  it.each<[string, Partial<RateLimitResult>]>([
    ['a binding decided', { decidedBy: 'binding', approximate: true }],
    ['the store failed', { reason: 'store-error', approximate: true }],
  ])('does not say what is left where it is not known: %s', (_name, change) => {
    const result = { ...REFUSED, ...change };
    expect(headersOf(result)).toEqual({ 'RateLimit-Policy': '"default";q=100;w=60', 'Retry-After': '5' });
    expect(headersOf(result, { draft: 8 })).not.toHaveProperty('RateLimit');
    expect(headersOf(result, { draft: 7 })).toEqual({ 'RateLimit-Policy': '100;w=60', 'Retry-After': '5' });
    expect(headersOf(result, { draft: 6 })).toEqual({ 'RateLimit-Policy': '100;w=60', 'Retry-After': '5' });
    expect(headersOf(result, { draft: 'legacy' })).toEqual({ 'X-RateLimit-Limit': '100', 'Retry-After': '5' });
  });

  it('says what is left by an approximate count of KV or memory', () => {
    expect(headersOf({ ...ALLOWED, approximate: true, decidedBy: 'kv' })).toHaveProperty('RateLimit');
  });

  it.each([
    ['trial121323', ':dHJpYWwxMjEzMjM=:'],
    ['é', ':w6k=:'],
    [new Uint8Array([0, 255, 254]), ':AP/+:'],
  ])('names whose quota it is: %p', (partitionKey, pk) => {
    expect(headersOf(ALLOWED, { partitionKey })).toEqual({
      'RateLimit-Policy': `"default";q=100;w=60;pk=${pk}`,
      RateLimit: `"default";r=50;t=30;pk=${pk}`,
    });
  });

  it.each<[string, RateLimitHeaderOptions]>([
    ['draft', { draft: 9 as never }],
    ['draft', { draft: '10' as never }],
    ['draft', { draft: null as never }],
    ['partitionKey', { partitionKey: '' }],
    ['partitionKey', { partitionKey: 'x'.repeat(257) }],
    ['partitionKey', { partitionKey: 5 as never }],
    ['partitionKey', { partitionKey: 'a', draft: 7 }],
    ['partitionKey', { partitionKey: 'a', draft: 'legacy' }],
  ])('refuses the option %s: %p', (option, options) => {
    const refused = expect.objectContaining({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(`Option ${option}`) as string,
    }) as Error;
    expect(() => headersOf(ALLOWED, options)).toThrow(refused);
  });

  it.each(['a\r\nSet-Cookie: b', 'naïve', '\u0000', '\u007f', '☃'])(
    'refuses a name that no header holds: %p',
    (name) => {
      const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;
      expect(() => headersOf({ ...ALLOWED, name })).toThrow(refused);
    },
  );

  it('escapes what a name may hold', () => {
    expect(headersOf({ ...ALLOWED, name: 'a "b" \\ c, d;e=f' })['RateLimit']).toBe(
      '"a \\"b\\" \\\\ c, d;e=f";r=50;t=30',
    );
  });

  it('writes what a strict parser reads back, whatever the result', () => {
    const number = fc.oneof(fc.nat(), fc.double(), fc.constantFrom(Infinity, -1, Number.NaN, 1e300));
    const rule = fc.record({
      name: fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) }),
      limit: number,
      window: number,
      remaining: number,
      resetAt: number.map((value) => value + NOW),
      retryAfterMs: number,
    });
    const results = fc.record({
      rules: fc.array(rule, { minLength: 1, maxLength: 4 }),
      allowed: fc.boolean(),
      draft: fc.constantFrom<RateLimitDraft>(10, 8),
      partitionKey: fc.uint8Array({ minLength: 1, maxLength: 40 }),
    });
    fc.assert(
      fc.property(results, ({ rules, allowed, draft, partitionKey }) => {
        const headers = headersOf({ ...ALLOWED, ...rules[0]!, allowed, rules } as RateLimitsResult, {
          draft,
          partitionKey,
        });
        const [policies, limits] = [parseList(headers['RateLimit-Policy']!), parseList(headers['RateLimit']!)];
        expect(policies.map(({ value }) => value)).toEqual(rules.map(({ name }) => name));
        expect(limits.map(({ value }) => value)).toEqual(rules.map(({ name }) => name));
        for (const { params } of [...policies, ...limits]) expect(params.get('pk')).toEqual(partitionKey);
        expect(new Headers(headers).get('RateLimit')).toBe(headers['RateLimit']);
        if (!allowed) expect(Number(headers['Retry-After'])).toBeGreaterThanOrEqual(1);
      }),
    );
  });

  it('never tells to come back before a policy that refused resets', () => {
    const rule = fc.record({
      resetAt: fc.integer({ min: NOW - 10_000, max: NOW + 100_000 }),
      retryAfterMs: fc.integer({ min: 0, max: 100_000 }),
    });
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 4 }), fc.constantFrom(10, 8), (times, draft) => {
        const rules = times.map((time, index) => ({ ...BURST, name: String(index), ...time }));
        const retryAfterMs = Math.max(...times.map((time) => time.retryAfterMs));
        const headers = headersOf({ ...SEVERAL, retryAfterMs, rules } as RateLimitsResult, { draft });
        const waits = parseList(headers['RateLimit']!).filter((_, index) => times[index]!.retryAfterMs > 0);
        const retryAfter = Number(headers['Retry-After']);
        for (const { params } of waits) expect(params.get('t')).toBeLessThanOrEqual(retryAfter);
        expect(retryAfter * 1000).toBeGreaterThanOrEqual(retryAfterMs);
      }),
    );
  });
});
