import { spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface Problem {
  kind: string;
  entrypoint?: string;
  resolutionKind?: string;
  resolutionOption?: string;
}
const root = join(__dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, unknown> };
const entries = Object.keys(manifest.exports).filter((name) => !name.endsWith('.json'));

/** What attw finds in the packed package, as `kind entry resolution`. It ends before a pipe is emptied, so it writes to a file. */
function problems(): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'codex-attw-'));
  try {
    const file = join(folder, 'attw.json');
    const bin = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    const args = [bin, '--pack', '.', '--format', 'json'];
    spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', openSync(file, 'w'), 'ignore'] });
    const { analysis } = JSON.parse(readFileSync(file, 'utf8')) as { analysis: { problems: Problem[] } };
    return analysis.problems.map(({ kind, entrypoint, resolutionKind, resolutionOption }) =>
      [kind, entrypoint ?? '.', resolutionKind ?? resolutionOption].join(' '),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// The package is ES modules alone. So TypeScript tells a CommonJS module that it loads one (right: Node 20.19 and later do), and `node10`, which
// knows neither `exports` nor `imports` and which TypeScript 6 deprecates, finds the main entry only, and in it not the SDK's types (`#aws-s3`).
// Everything else that attw may find is a defect.
it('has types for every entry under node16 and bundler, and only the limits of ES modules elsewhere', () => {
  const expected = [
    'InternalResolutionError . node10',
    ...entries.map((entry) => `CJSResolvesToESM ${entry} node16-cjs`),
    ...entries.filter((entry) => entry !== '.').map((entry) => `NoResolution ${entry} node10`),
  ];
  expect(problems().sort()).toEqual(expected.sort());
}, 90_000);
