import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let folder: string | undefined;

/** Packs the package once for all suites of the project; CODEX_TARBALL tells them where it lies. */

export default function pack(): void {
  if (process.env['CODEX_TARBALL'] !== undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'codex-packed-'));
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const name = execFileSync('npm', args, { cwd: join(__dirname, '../../..'), encoding: 'utf8' }).trim();
  process.env['CODEX_TARBALL'] = join(folder, name);
  process.once('exit', () => folder !== undefined && rmSync(folder, { recursive: true, force: true }));
}
