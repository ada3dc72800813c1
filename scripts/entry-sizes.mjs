// Prints what each entry of package.json weighs when all of it is bundled as wrangler bundles; an import of one name weighs less.
// Usage: node scripts/entry-sizes.mjs [--json]    (needs `npm run build` first)
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const { exports: entries } = JSON.parse(readFileSync('package.json', 'utf8'));
const sizes = [];
for (const name of Object.keys(entries).filter((entry) => !entry.endsWith('.json'))) {
  const from = `'@codex/cloudflare-clients${name.slice(1)}'`;
  const { outputFiles } = await build({
    stdin: {
      contents: `export * from ${from}; export * as all from ${from};`,
      resolveDir: process.cwd(),
      loader: 'js',
    },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', 'node:*'],
    logLevel: 'error',
  });
  const [{ contents: bytes }] = outputFiles;
  sizes.push({ name, minified: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length });
}

if (process.argv.includes('--json')) console.log(JSON.stringify(sizes));
else {
  const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(10);
  console.log(`${'entry, all of it'.padEnd(46)}${'minified'.padStart(10)}${'+ gzip'.padStart(10)}`);
  for (const { name, minified, gzipped } of sizes) console.log(name.padEnd(46) + kB(minified) + kB(gzipped));
}
