import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '../..');

/** Ceilings in bytes of each entry, all of it, minified and gzipped: what it weighs and 2 %. */
const CEILINGS: Readonly<Record<string, number>> = {
  '.': 257_670,
  './durable-objects': 9_740,
  './worker': 9_920,
  './workers': 13_290,
  './sveltekit': 12_220,
  './hono': 10_620,
  './ambient': 530,
  './testing': 16_440,
  './adapters/better-auth': 2_930,
  './adapters/cachified': 4_480,
  './adapters/express-rate-limit': 12_770,
  './adapters/hono-rate-limiter': 12_760,
  './adapters/keyv': 5_090,
  './adapters/unstorage': 5_430,
};

describe('an entry', () => {
  const sizes = JSON.parse(
    execFileSync(process.execPath, ['scripts/entry-sizes.mjs', '--json'], { cwd: root, encoding: 'utf8' }),
  ) as { name: string; gzipped: number }[];

  it.each(sizes)('stays under its ceiling: $name', ({ name, gzipped }) => {
    expect(gzipped).toBeGreaterThan(0);
    expect(gzipped).toBeLessThanOrEqual(CEILINGS[name]!);
  });

  it('is measured for every ceiling', () => {
    expect(sizes.map(({ name }) => name).sort()).toEqual(Object.keys(CEILINGS).sort());
  });
});
