import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, cpSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Exceptions of knip.json, which is JSON without comments: publint, attw and typedoc are run by their commands or from strings, esbuild-register by
// a pragma of jest.config.ts, hls.js is read as a file; xml-builder and memory-adapter come with packages that are declared, and the tests hold
// the very copy that these use; @codex/database and @sveltejs/kit belong to the seed's own examples. The two adapters export types for declarations.
const root = join(__dirname, '../..');
const COPIED = ['src', '__tests__', 'examples', 'soak', 'scripts', 'coordination-worker'];
const FILES = [
  'package.json',
  'knip.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'jest.config.ts',
  'eslint.config.mjs',
];
let folder: string;

function knip(): Promise<string> {
  const bin = join(root, 'node_modules/knip/bin/knip.js');
  const args = [bin, '--no-progress', '--include', 'dependencies,unlisted,exports,types', '--no-config-hints'];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder }, (error, stdout, stderr) =>
      resolve(error === null ? stdout.trim() : `failed: ${stdout}${stderr}`),
    );
  });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'codex-knip-'));
  const filter = (path: string): boolean =>
    !/node_modules|\/dist(\/|$)|\/install\/fixtures|\/examples\/sveltekit/.test(path.slice(root.length));
  for (const name of COPIED) cpSync(join(root, name), join(folder, name), { recursive: true, filter });
  for (const name of FILES) cpSync(join(root, name), join(folder, name));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
});

afterAll(() => rmSync(folder, { recursive: true }));

it('has no dependency and no export that nothing uses, and none undeclared', async () => {
  expect(await knip()).toBe('');
}, 90_000);

it('is told of a dependency and of an export that nothing uses', async () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object };
  const dependencies = { ...manifest.dependencies, 'left-over': '1.0.0' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, dependencies }));
  const file = join(folder, 'src/internal/random-id.ts');
  writeFileSync(file, `${readFileSync(file, 'utf8')}\nexport const leftOver = 1;\n`);
  const found = await knip();
  expect(found).toMatch(/^failed: /);
  expect(found).toMatch(/Unused dependencies \(1\)\s+left-over/);
  expect(found).toMatch(/Unused exports \(1\)\s+leftOver/);
}, 90_000);
