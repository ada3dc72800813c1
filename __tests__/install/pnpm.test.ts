import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openProject, type Ended, type Project } from './support/project.js';

let project: Project;
let tools: string;
let installed: Ended;

beforeAll(async () => {
  project = openProject('pnpm');
  tools = mkdtempSync(join(tmpdir(), 'codex-pnpm-tool-'));
  await project.run('npm', [
    'install',
    '--prefix',
    tools,
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    'pnpm@12.21.0',
  ]);
  const store = ['--store-dir', join(tools, 'store')];
  installed = await project.run(join(tools, 'node_modules/.bin/pnpm'), ['install', '--no-frozen-lockfile', ...store]);
}, 200_000);

afterAll(() => {
  project.remove();
  rmSync(tools, { recursive: true, force: true });
});

describe('a project of pnpm, where a package finds only what it declares', () => {
  it('installs, and no peer is missing', () => {
    expect([installed.code, installed.output]).toEqual([0, expect.not.stringMatching(/missing peer|unmet peer/i)]);
  });

  it('compiles', async () => {
    const { code, output } = await project.bin('tsc', ['-p', 'tsconfig.json']);
    expect([code, output]).toEqual([0, '']);
  }, 120_000);

  it('runs a service, the memory tier, the rich codec and the SDK: every dependency is found', async () => {
    const { stdout } = await project.run(process.execPath, ['src/use.mjs']);
    expect(JSON.parse(stdout)).toEqual({
      titles: ['title a', 'title a'],
      loads: 1,
      date: '1970-01-01T00:00:00.000Z',
      code: 'R2_FAILED',
    });
  }, 60_000);
});
