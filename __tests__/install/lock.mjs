// Writes the lockfiles of the fixtures anew, with the package as it is built now. Usage: npm run build && node __tests__/install/lock.mjs [name ...]
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const fixtures = join(here, 'fixtures');
const root = join(here, '../..');
const folder = mkdtempSync(join(tmpdir(), 'codex-lock-'));
const asked = process.argv.slice(2);
const names = asked.length > 0 ? asked : readdirSync(fixtures).filter((name) => name !== 'pnpm');

try {
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const tarball = join(folder, execFileSync('npm', args, { cwd: root, encoding: 'utf8' }).trim());
  for (const name of names) {
    const project = mkdtempSync(join(folder, `${name}-`));
    copyFileSync(join(fixtures, name, 'package.json'), join(project, 'package.json'));
    copyFileSync(tarball, join(project, 'codex-cloudflare-clients.tgz'));
    const install = [
      'install',
      '--package-lock-only',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--omit-lockfile-registry-resolved',
    ];
    execFileSync('npm', install, { cwd: project, stdio: 'inherit' });
    const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'));
    delete lock.packages['node_modules/@codex/cloudflare-clients'].integrity;
    writeFileSync(join(fixtures, name, 'package-lock.json'), `${JSON.stringify(lock, null, 2)}\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
