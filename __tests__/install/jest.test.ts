import { installProject, type Ended, type Project } from './support/project.js';

let project: Project;

beforeAll(async () => {
  project = await installProject('jest');
}, 200_000);

afterAll(() => project.remove());

const runJest = (config: string, env: Record<string, string> = {}): Promise<Ended> =>
  project.bin('jest', ['--config', config, '--runInBand'], env);

describe('a project that tests with Jest', () => {
  it('mocks clients in CommonJS, with one pattern and ts-jest for JavaScript', async () => {
    const { code, output } = await runJest('jest.config.cjs');
    expect([code, output]).toEqual([0, expect.stringContaining('Tests:       4 passed, 4 total')]);
  }, 120_000);

  it('mocks clients in ES modules without compiling the package', async () => {
    const { code, output } = await runJest('jest.modules.config.cjs', { NODE_OPTIONS: '--experimental-vm-modules' });
    expect([code, output]).toEqual([0, expect.stringContaining('Tests:       4 passed, 4 total')]);
  }, 120_000);

  // When this passes, the configuration that the README asks for is no longer needed.
  it('needs one of the two: the preset alone does not load ES modules', async () => {
    const { code, output } = await runJest('jest.bare.config.cjs');
    expect([code, output]).toEqual([1, expect.stringContaining('Must use import to load ES Module')]);
  }, 120_000);
});
