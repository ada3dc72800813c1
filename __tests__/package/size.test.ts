import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '../..');

/** Ceilings in bytes of minified and gzipped Workers: what they weigh and about 2 %, so that growth is noticed. */
const CEILINGS: Readonly<Record<string, number>> = {
  'CacheClient alone, without a container': 17_500,
  'LockClient alone, without a container': 4_800,
  'CounterClient alone, without a container': 6_200,
  'RateLimiterClient alone, over objects': 12_400,
  'KV only: container, cache': 30_500,
  'KV only: container, cache, sessions, limiter': 47_800,
  'KV only: the same and @Cached': 52_900,
  'with R2: container, cache, R2': 166_800,
  'with R2: all clients': 190_500,
};

describe('a Worker bundle', () => {
  const sizes = JSON.parse(
    execFileSync(process.execPath, ['scripts/bundle-sizes.mjs', '--json'], { cwd: root, encoding: 'utf8' }),
  ) as { name: string; gzipped: number }[];

  it.each(sizes)('stays under its ceiling: $name', ({ name, gzipped }) => {
    expect(gzipped).toBeGreaterThan(0);
    expect(gzipped).toBeLessThanOrEqual(CEILINGS[name]!);
  });

  it('is measured for every ceiling', () => {
    expect(sizes.map(({ name }) => name).sort()).toEqual(Object.keys(CEILINGS).sort());
  });
});
