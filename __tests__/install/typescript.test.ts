import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { errorsOfOurs } from './support/errors-of-ours.js';
import { installProject, type Ended, type Project } from './support/project.js';

let project: Project;

beforeAll(async () => {
  project = await installProject('typescript');
}, 200_000);

afterAll(() => project.remove());

const tsc = (version: string, ...args: string[]): Promise<Ended> =>
  project.run(process.execPath, [`node_modules/typescript-${version}/bin/tsc`, '-p', 'tsconfig.json', ...args]);

const NODENEXT = ['--module', 'NodeNext', '--moduleResolution', 'NodeNext'];

describe('the declarations of every entry, with skipLibCheck off', () => {
  it.each([
    ['5.4', []],
    ['5.4', NODENEXT],
    ['5.9', NODENEXT],
    ['6.0', []],
    ['7.0', []],
    ['7.0', NODENEXT],
  ])(
    'compile with TypeScript %s %j',
    async (version, args) => {
      expect(errorsOfOurs(await tsc(version, ...args))).toEqual([]);
    },
    120_000,
  );

  it('need TypeScript 5.4, the first that has NoInfer', async () => {
    const errors = errorsOfOurs(await tsc('5.2'));
    expect(errors.length).toBeGreaterThan(0);
    expect(errors.filter((line) => !line.includes("Cannot find name 'NoInfer'"))).toEqual([]);
  }, 120_000);
});

describe('decorators of TC39', () => {
  /** Runs what a compiler made of `src/titles.ts`. */
  async function run(name: string, code?: string): Promise<unknown> {
    if (code !== undefined) writeFileSync(join(project.folder, `${name}.mjs`), code);
    const file = code === undefined ? `./${name}` : `./${name}.mjs`;
    const script = `console.log(JSON.stringify(await (await import('${file}')).main()))`;
    const { output } = await project.run(process.execPath, ['--input-type=module', '--eval', script]);
    return JSON.parse(output);
  }
  const ANSWER = { titles: ['title a', 'title a'], loads: 1 };

  it.each(['5.4', '6.0', '7.0'])(
    'work as TypeScript %s compiles them',
    async (version) => {
      const out = `out-${version}`;
      await tsc(version, '--noEmit', 'false', '--skipLibCheck', '--outDir', out, '--rootDir', 'src');
      expect(await run(`${out}/titles.js`)).toEqual(ANSWER);
    },
    120_000,
  );

  it('work as esbuild compiles them', async () => {
    const { code } = transformSync(project.read('src/titles.ts'), { loader: 'ts', target: 'es2022' });
    expect(code).not.toMatch(/^\s*@Cached/m);
    expect(await run('esbuild', code)).toEqual(ANSWER);
  });

  it('work as Babel compiles them', async () => {
    const js = transformSync(project.read('src/titles.ts'), { loader: 'ts', target: 'esnext' }).code;
    expect(js).toMatch(/^\s*@Cached/m);
    writeFileSync(join(project.folder, 'titles.decorated.mjs'), js);
    const script = `
      import { transformFileSync } from '@babel/core';
      const plugins = [['@babel/plugin-proposal-decorators', { version: '2023-11' }]];
      console.log(transformFileSync('titles.decorated.mjs', { plugins, configFile: false, babelrc: false }).code);`;
    const { stdout } = await project.run(process.execPath, ['--input-type=module', '--eval', script]);
    expect(stdout).not.toMatch(/^\s*@Cached/m);
    expect(await run('babel', stdout)).toEqual(ANSWER);
  });
});
