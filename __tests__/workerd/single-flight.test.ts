import { get as httpGet } from 'node:http';
import type { Miniflare } from 'miniflare';
import { startWorker } from '../support/worker.js';

/** No request may take longer, whatever happens to another. */
const DEADLINE_MS = 6000;
/** What a call takes that has nothing to wait for; the machine is shared. */
const FAST_MS = 1500;

interface Answer {
  readonly by?: string;
  readonly list?: string[];
  readonly error?: string;
  readonly early?: true;
  readonly tookMs: number;
}

interface State {
  readonly loads: string[];
  readonly shared: number;
  readonly fenced: string[];
}

type Query = Record<string, string>;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

// The second is from before the runtime ran a promise's continuations in the request that waits for it.
describe.each(['2026-07-30', '2023-05-18'])('singleFlight "isolate" in a Worker of %s', (compatibilityDate) => {
  let url: URL;
  let miniflare: Miniflare;
  let key = '';
  let number = 0;
  /** Whether the runtime ended the first request in the middle of its load, which then cannot take itself out of the fence. */
  let isLost = false;

  beforeAll(async () => {
    ({ url, miniflare } = await startWorker('single-flight-worker.ts', {
      kvNamespaces: ['CACHE_KV'],
      compatibilityDate,
    }));
  });
  afterAll(() => miniflare.dispose());

  beforeEach(() => {
    number += 1;
    isLost = false;
    key = `cache:flight:${number}`;
  });

  afterEach(async () => {
    // Work under waitUntil may be going on.
    for (let waited = 0; (await state()).shared > 0 && waited < 2000; waited += 50) await sleep(50);
    const left = { shared: 0, fenced: isLost ? [key] : [] };
    expect(await state()).toMatchObject(left);
    const calls = [call('later'), call('later still'), call('elsewhere', { key: `${key}:other` })];
    for (const answer of await Promise.all(calls)) {
      expect(answer).toMatchObject({ by: expect.any(String) as string, list: ['loaded'] });
      expect(answer.tookMs).toBeLessThan(FAST_MS);
    }
    expect(await state()).toMatchObject(left);
  });

  function path(route: string, query: Query): URL {
    return new URL(`${route}?${new URLSearchParams({ key, ...query }).toString()}`, url);
  }

  async function fetchJson<T>(target: URL): Promise<T> {
    const response = await fetch(target, { signal: AbortSignal.timeout(DEADLINE_MS) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status}: ${text}`);
    return JSON.parse(text) as T;
  }

  const call = (id: string, query: Query = {}): Promise<Answer> => fetchJson<Answer>(path('/call', { id, ...query }));
  const state = (): Promise<State> => fetchJson<State>(path('/state', {}));
  const joiners = (count: number, query: Query = {}): Promise<Answer[]> =>
    Promise.all(Array.from({ length: count }, (_, index) => call(`joiner ${index}`, query)));

  /** Starts a load and waits until it is under way. */
  async function lead(query: Query): Promise<{ answer: Promise<Answer> }> {
    const answer = call('leader', query);
    answer.catch(() => undefined);
    await untilLoading();
    return { answer };
  }

  async function untilLoading(): Promise<void> {
    for (let waited = 0; (await state()).loads.length === 0; waited += 5) {
      if (waited > 3000) throw new Error('no load began');
      await sleep(5);
    }
  }

  /** Starts a load and resets its connection while it runs. */
  async function leadAndReset(query: Query): Promise<void> {
    const request = httpGet(path('/call', { id: 'leader', ...query }));
    const closed = new Promise<void>((resolve) => request.on('error', () => resolve()).on('close', () => resolve()));
    await untilLoading();
    request.destroy(new Error('reset'));
    await closed;
  }

  test('50 requests at once load once, and none sees what another does with its value', async () => {
    const answers = await joiners(50, { loadMs: '700' });
    const { loads } = await state();
    expect(loads).toHaveLength(1);
    expect(answers).toHaveLength(50);
    for (const answer of answers) expect(answer).toMatchObject({ by: loads[0], list: ['loaded'] });
  });

  test('a joiner gets what the loader of the first gave, and its own does not run', async () => {
    const { answer } = await lead({ loadMs: '300' });
    expect(await call('joiner')).toMatchObject({ by: 'leader' });
    expect(await answer).toMatchObject({ by: 'leader' });
    expect((await state()).loads).toEqual(['leader']);
  });

  test('with "request" every request runs its own loader and gets its own value', async () => {
    const { answer } = await lead({ loadMs: '400', singleFlight: 'request' });
    const answers = await joiners(10, { loadMs: '300', singleFlight: 'request' });
    expect(answers.map(({ by }) => by)).toEqual(answers.map((_, index) => `joiner ${index}`));
    expect(await answer).toMatchObject({ by: 'leader' });
    expect((await state()).loads).toHaveLength(11);
  });

  test('a first request that answers before its load ends gives the others its value all the same', async () => {
    const { answer } = await lead({ loadMs: '600', answerAfterMs: '50' });
    expect(await answer).toEqual({ early: true });
    const answers = await joiners(20);
    for (const joiner of answers) expect(joiner).toMatchObject({ by: 'leader', list: ['loaded'] });
    expect((await state()).loads).toEqual(['leader']);
  });

  test('a first request whose loader throws gets its error, and the others load themselves', async () => {
    const { answer } = await lead({ loadMs: '300', loader: 'throws' });
    const answers = await joiners(20);
    expect(await answer).toMatchObject({ error: 'RangeError: of the loader of leader' });
    expect(answers.map(({ by }) => by)).toEqual(answers.map((_, index) => `joiner ${index}`));
    // They know at once, and not when joinTimeoutMs is over.
    for (const { tookMs } of answers) expect(tookMs).toBeLessThan(FAST_MS);
  });

  test('a first request whose loader throws after it answered leaves nobody waiting', async () => {
    const { answer } = await lead({ loadMs: '300', loader: 'throws', answerAfterMs: '20' });
    const answers = await joiners(10);
    expect(await answer).toEqual({ early: true });
    expect(answers.map(({ by }) => by)).toEqual(answers.map((_, index) => `joiner ${index}`));
  });

  test('a first request whose connection is reset gives the others its value', async () => {
    const waiting = (async () => {
      await untilLoading();
      return joiners(20);
    })();
    await leadAndReset({ loadMs: '700' });
    for (const answer of await waiting) {
      expect(answer).toMatchObject({ list: ['loaded'] });
      expect(answer.tookMs).toBeLessThan(DEADLINE_MS);
    }
  });

  test('a first request whose connection is reset leaves nothing that a later one waits for', async () => {
    await leadAndReset({ loadMs: '200' });
    await sleep(100);
    const answer = await call('later', { joinTimeoutMs: '500' });
    expect(answer).toMatchObject({ list: ['loaded'] });
    expect(answer.tookMs).toBeLessThan(FAST_MS);
  });

  test('a first request whose connection is reset and whose loader throws leaves nobody waiting', async () => {
    await leadAndReset({ loadMs: '300', loader: 'throws' });
    const answers = await joiners(10, { joinTimeoutMs: '1000' });
    expect(answers.map(({ by }) => by)).toEqual(answers.map((_, index) => `joiner ${index}`));
  });

  test('nothing is shared without waitUntil, nor with a first request that is reset', async () => {
    isLost = true;
    await leadAndReset({ loadMs: '500', waitUntil: 'no' });
    const answers = await joiners(10);
    expect(answers.some(({ by }) => by === 'leader')).toBe(false);
    for (const answer of answers) expect(answer.tookMs).toBeLessThan(FAST_MS);
  });

  test('a request without waitUntil does not wait for the load of another', async () => {
    const { answer } = await lead({ loadMs: '400' });
    expect(await call('alone', { waitUntil: 'no' })).toMatchObject({ by: 'alone' });
    expect(await answer).toMatchObject({ by: 'leader' });
  });

  test.each([
    ['never settles', { loader: 'never settles' }],
    ['takes far too long', { loadMs: '4000' }],
  ])('a first request whose load %s is waited for no longer than joinTimeoutMs', async (_what, query) => {
    isLost = 'loader' in query;
    const { answer } = await lead({ ...query, joinTimeoutMs: '200' });
    const answers = await joiners(20, { joinTimeoutMs: '200' });
    expect(answers.map(({ by }) => by)).toEqual(answers.map((_, index) => `joiner ${index}`));
    for (const { tookMs } of answers) {
      expect(tookMs).toBeGreaterThanOrEqual(150);
      expect(tookMs).toBeLessThan(200 + FAST_MS);
    }
    // The runtime ends a request that can never answer; a slow one answers late.
    await answer.catch(() => undefined);
  });

  test('a first request that is reset while its load never settles is waited for no longer than joinTimeoutMs', async () => {
    isLost = true;
    await leadAndReset({ loader: 'never settles', joinTimeoutMs: '200' });
    const answers = await joiners(20, { joinTimeoutMs: '200' });
    expect(answers.map(({ by }) => by)).toEqual(answers.map((_, index) => `joiner ${index}`));
    for (const { tookMs } of answers) expect(tookMs).toBeLessThan(200 + FAST_MS);
  });
});
