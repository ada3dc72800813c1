import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TARBALL = 'codex-cloudflare-clients.tgz';
const PACKAGE = 'node_modules/@codex/cloudflare-clients';
const fixtures = join(__dirname, '../fixtures');
const manifestFile = join(__dirname, '../../../package.json');

/** What a command ended with. */
export interface Ended {
  readonly code: number;
  /** Both outputs, in the order of their streams. */
  readonly output: string;
  readonly stdout: string;
}

/** A project of a user, with the packed package installed. */
export interface Project {
  readonly folder: string;
  /** Runs a program in the project; never rejects. */
  run(program: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  /** Runs a program of the project's own `node_modules/.bin`. */
  bin(name: string, args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ended>;
  read(path: string): string;
  remove(): void;
}

type Lock = { packages: Record<string, Record<string, unknown>> };

/** The lockfile knows the package by what it asks for, never by its contents. */
function lockTarball(folder: string): void {
  const file = join(folder, 'package-lock.json');
  if (!existsSync(file)) return;
  const lock = JSON.parse(readFileSync(file, 'utf8')) as Lock;
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as Record<string, unknown>;
  const entry: Record<string, unknown> = { resolved: `file:${TARBALL}` };
  for (const field of [
    'version',
    'license',
    'dependencies',
    'peerDependencies',
    'peerDependenciesMeta',
    'bin',
    'engines',
  ])
    if (manifest[field] !== undefined) entry[field] = manifest[field];
  lock.packages[PACKAGE] = entry;
  writeFileSync(file, JSON.stringify(lock));
}

const LONGEST_MS = 200_000;

/** Runs each program in a process group of its own, which ends with it: SvelteKit's build leaves the workerd behind that it prerendered with. */
function runIn(folder: string): Project['run'] {
  return (program, args, env = {}) =>
    new Promise((resolve) => {
      const child = spawn(program, args, { cwd: folder, env: { ...environment(), ...env }, detached: true });
      const timer = setTimeout(() => endGroup(child), LONGEST_MS);
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const end = (code: number, why = ''): void => {
        clearTimeout(timer);
        resolve({ code, stdout, output: stdout + stderr + why });
      };
      child.on('error', (error) => end(1, error.message));
      child.on('exit', () => endGroup(child));
      child.on('close', (code) => end(code ?? 1));
    });
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is left of it.
  }
}

/** A user's shell, not that of a test: neither Jest's variables nor npm's. */
function environment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name, value]) =>
      value !== undefined && !/^(JEST_|NODE_ENV$|NODE_OPTIONS$|npm_|INIT_CWD$|CODEX_|BABEL_)/.test(name),
  );
  return { ...(Object.fromEntries(kept) as Record<string, string>), WRANGLER_SEND_METRICS: 'false', CI: 'true' };
}

/** Copies a fixture to a folder of its own, beside the tarball; nothing is installed yet. */
export function openProject(name: string): Project {
  const tarball = process.env['CODEX_TARBALL'];
  if (tarball === undefined) throw new Error('Run by `npm run test:install`, which packs the package first.');
  const folder = mkdtempSync(join(tmpdir(), `codex-${name}-`));
  cpSync(join(fixtures, name), folder, { recursive: true });
  copyFileSync(tarball, join(folder, TARBALL));
  lockTarball(folder);
  const run = runIn(folder);
  return {
    folder,
    run,
    bin: (program, args = [], env = {}) => run(join(folder, 'node_modules/.bin', program), args, env),
    read: (path) => readFileSync(join(folder, path), 'utf8'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Opens a fixture and installs what its lockfile says, and the tarball. */
export async function installProject(name: string): Promise<Project> {
  const project = openProject(name);
  const quick = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
  const { code, output } = await project.run('npm', ['ci', ...quick]);
  if (code === 0) return project;
  project.remove();
  throw new Error(
    `npm ci of ${name} failed; after a change of dependencies: node __tests__/install/lock.mjs\n${output}`,
  );
}
