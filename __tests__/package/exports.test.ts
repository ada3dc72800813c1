import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

interface Manifest {
  exports: Record<string, string | { types: string; default: string }>;
  files: string[];
}
const root = join(__dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
const entries = Object.entries(manifest.exports).filter(
  (entry): entry is [string, { types: string; default: string }] => typeof entry[1] === 'object',
);

/** For Workers alone: what they import there is nothing that Node knows. */
const WORKER_ENTRIES = ['./durable-objects', './worker'];
const nodeEntries = entries.filter(([name]) => !WORKER_ENTRIES.includes(name));

/** Runs a module in a Node of its own and returns what it printed. */
function runModule(code: string): string {
  return execFileSync(process.execPath, ['--input-type=module', '--eval', code], { cwd: root, encoding: 'utf8' });
}

/** Everything that a built module imports, also by `import()`, and what these import. Packages are named, not followed. */
function importsOf(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'), true, true);
  for (const { fileName } of importedFiles) {
    if (fileName.startsWith('.')) importsOf(join(dirname(file), fileName), seen);
    else seen.add(fileName);
  }
  return seen;
}

describe('the package', () => {
  it.each(entries)('exports %s with a module and its types, types first', (_name, entry) => {
    expect(Object.keys(entry).filter((condition) => condition !== 'node')).toEqual(['types', 'default']);
    for (const path of [entry.types, entry.default]) expect(existsSync(join(root, path))).toBe(true);
  });

  it.each(nodeEntries)('can be imported in plain Node: %s', (name) => {
    const specifier = `@codex/cloudflare-clients${name.slice(1)}`;
    const names = runModule(`console.log(Object.keys(await import('${specifier}')).length)`);
    expect(Number(names)).toBeGreaterThan(0);
  });

  it.each(nodeEntries)('does not reach what only workerd has, by any import: %s', (_name, entry) => {
    const imports = importsOf(join(root, entry.default));
    expect(imports.size).toBeGreaterThan(0);
    expect([...imports].filter((name) => name.startsWith('cloudflare:'))).toEqual([]);
  });

  it.each(WORKER_ENTRIES)('is for workerd alone: plain Node says so of %s', (name) => {
    const path = (manifest.exports[name] as { default: string }).default;
    expect([...importsOf(join(root, path))]).toContain('cloudflare:workers');
    const code = runModule(`
      console.log(await import('@codex/cloudflare-clients${name.slice(1)}').then(() => 'loaded', ({ code }) => code));
    `);
    expect(code.trim()).toBe('ERR_UNSUPPORTED_ESM_URL_SCHEME');
  });

  it('does not load the AWS SDK when it is imported or when URLs are signed, only when R2 is first asked', () => {
    const loaded = runModule(`
      import { register } from 'node:module';
      import { MessageChannel } from 'node:worker_threads';
      const hooks = 'data:text/javascript,' + encodeURIComponent(\`
        let port;
        export function initialize(data) { port = data.port; }
        export async function load(url, context, next) { port.postMessage(url); return next(url, context); }
      \`);
      const { port1, port2 } = new MessageChannel();
      const urls = [];
      port1.on('message', (url) => urls.push(url)).unref();
      register(hooks, { data: { port: port2 }, transferList: [port2] });
      const settle = () => new Promise((resolve) => setTimeout(resolve, 50));
      const count = () => urls.filter((url) => url.includes('@aws-sdk')).length;
      const { R2Client } = await import('@codex/cloudflare-clients');
      const r2 = new R2Client({
        accountId: 'a', accessKeyId: 'b', secretAccessKey: 'c', endpoint: 'http://127.0.0.1:1',
      }, { maxAttempts: 1 });
      await r2.getSignedUrl({ bucket: 'media', key: 'k', expiresIn: 60 });
      await settle();
      const before = count();
      await r2.headFile({ bucket: 'media', key: 'k' }).catch(() => undefined);
      await settle();
      console.log(JSON.stringify({ before, after: count() > 0, seen: urls.length > 0 }));
    `);
    expect(JSON.parse(loaded)).toEqual({ before: 0, after: true, seen: true });
  });

  it('passes publint', () => {
    const messages = runModule(`
      import { publint } from 'publint';
      const { messages } = await publint({ pkgDir: '.', strict: true, pack: 'npm' });
      console.log(JSON.stringify(messages));
    `);
    expect(JSON.parse(messages)).toEqual([]);
  });

  it('packs the build and no tests', () => {
    const [packed] = JSON.parse(
      execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
        cwd: root,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }),
    ) as [{ files: { path: string }[] }];
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toContain('dist/index.js');
    expect(paths).toContain('dist/index.d.ts');
    expect(
      paths.filter(
        (path) =>
          !/^(dist|src|docs|coordination-worker)\/|^(README|CHANGELOG)\.md$|^llms\.txt$|^package\.json$/.test(path),
      ),
    ).toEqual([]);
  });
});
