import type { Miniflare } from 'miniflare';
import { startWorker } from '../support/worker.js';

describe.each([
  ['2026-07-30', false],
  // Without strict_compression_checks, which notices a gzip stream that ends early.
  ['2023-05-18', true],
])('codecs made at module scope in a Worker of %s (minified: %s)', (compatibilityDate, minify) => {
  let url: URL;
  let miniflare: Miniflare;

  beforeAll(async () => {
    ({ url, miniflare } = await startWorker('codecs-worker.ts', { minify, compatibilityDate, kvNamespaces: ['KV'] }));
  });

  afterAll(() => miniflare.dispose());

  async function get(path: string): Promise<unknown> {
    const response = await fetch(new URL(path, url));
    expect(response.status).toBe(200);
    return response.json();
  }

  // First, while the key of the codec is not imported yet.
  test('20 overlapping requests share a codec, and 20 more after its key is imported', async () => {
    for (let round = 0; round < 2; round += 1) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, id) => get(`/shared?id=${round}-${id}`)));
      expect(answers).toEqual(answers.map(() => ['aes:k1+gzip', true]));
    }
  });

  test.each([
    ['json', ''],
    ['rich', 'devalue'],
    ['gzip', 'gzip+devalue'],
    ['aes', 'aes:k1'],
    ['all', 'aes:k1+gzip+devalue'],
  ])('%s gives back a value through KV', async (name, format) => {
    expect(await get(`/codec?name=${name}`)).toEqual([format, true]);
  });

  test('every codec holds 5 MiB', async () => {
    expect(await get('/large')).toEqual({ json: true, rich: true, gzip: true, aes: true, all: true });
  });

  test('JSON and rich hold data nested 1,000 deep', async () => {
    expect(await get('/depth')).toEqual([true, true]);
  });

  test('refuse what they would lose, and damaged texts', async () => {
    const unpacked = 'KV_CORRUPT_VALUE: The text is not one that gzipCodec wrote.';
    expect(await get('/refusals')).toEqual({
      elsewhere: 'KV_CORRUPT_VALUE: The text does not decrypt: it was changed, moved, or made with another key.',
      name: 'INVALID_VALUE: richCodec cannot hold a function at $["…"]; give plain data',
      json: 'INVALID_VALUE: JSON cannot hold a Date at $[0].at; use richCodec() or jsonCodec({ loose: true })',
      instance: 'INVALID_VALUE: JSON cannot hold a Response at $.body; use jsonCodec({ loose: true })',
      rich: 'INVALID_VALUE: richCodec cannot hold a Headers at $.headers; give plain data',
      deepJson: expect.stringMatching(/^INVALID_VALUE: JSON cannot hold data nested deeper than 1000 at /) as string,
      deepRich: 'INVALID_VALUE: richCodec cannot hold the value: it is nested too deeply, or reading it threw.',
      moved: 'KV_CORRUPT_VALUE: The text does not decrypt: it was changed, moved, or made with another key.',
      truncated: [unpacked, unpacked, unpacked, unpacked],
      changed: unpacked,
      noBase64: unpacked,
    });
  });
});
