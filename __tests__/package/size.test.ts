import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '../..');

/** Ceilings in bytes of minified and gzipped Workers: generous, so that only a mistake in the imports breaks them. */
const CEILINGS: Readonly<Record<string, number>> = {
  'KV only, container and @Cached': 22_000,
  'all clients, with R2': 140_000,
  'CacheClient alone, without a container': 6_000,
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
