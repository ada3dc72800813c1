import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { withModule } from './support/run-module.js';

const ROOT = join(__dirname, '../..');
const RUN_DEMO = join(ROOT, 'examples/worker/demo/run-demo.mjs');

interface Outcome {
  readonly status: number;
  readonly output: string;
}

function runNode(args: readonly string[], env = process.env): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...args],
      { cwd: ROOT, timeout: 120_000, env },
      (_error, stdout, stderr) => {
        resolve({ status: child.exitCode ?? -1, output: stdout + stderr });
      },
    );
  });
}

/** Runs the driver with steps of the test's own, on a server as it always is. */
function runWithSteps(steps: string): Promise<Outcome> {
  const script = `
    import assert from 'node:assert/strict';
    import { runDemo } from ${JSON.stringify(RUN_DEMO)};
    const tour = (server) => ({ steps: ${steps}, showcase: {} });
    process.exitCode = await runDemo({ once: true, tour });
  `;
  return withModule(script, (file) => runNode([file]));
}

describe('npm run demo -- --once', () => {
  test('passes every step, prints them as a table and ends with status 0', async () => {
    const { status, output } = await runNode(['examples/worker/demo.mjs', '--once']);
    expect({ status, output }).toEqual({
      status: 0,
      output: expect.stringMatching(/All is well: (28 of 28 steps passed|27 of 28 steps passed, 1 skipped)/) as string,
    });
    expect(output).toMatch(/^✓ cached listing +\d+ {2}GET .*: miss, then hit/m);
    expect(output).toMatch(/^✓ stale listing +\d+ {2}.*served at once \(stale\).*then hit/m);
    expect(output).toMatch(
      /^✓ login limit +\d+ {2}50 guesses at once: 5 were looked at, 45 got 429, Retry-After: \d{3}/m,
    );
    expect(output).toMatch(/^✓ 20 clicks on publish +\d+ {2}.*: 1 of 20 published it/m);
    expect(output).toMatch(/^✓ view counter +\d+ {2}50 plays at once, from 0 to 50: none is lost$/m);
    expect(output).toMatch(/^✓ logout everywhere +\d+ {2}.*of 3 devices: the next request of each is refused/m);
    expect(output).toMatch(/^✓ private HLS +\d+ {2}11 files .*: 403$/m);
    expect(output).toMatch(/^✓ signed upload +\d+ {2}.* 403, another type 403, as signed 200, a second time 412$/m);
    expect(output).toMatch(/^✓ check-hls +\d+ {2}.*status 1, which names it$/m);
    expect(output).toMatch(/^✓ hourly replication +\d+ {2}cron .*\d+ objects .*the next hour copies 0$/m);
    expect(output).toMatch(/^(✓ R2 event to HLS .*transcoded once by ffmpeg|– R2 event to HLS .*skipped: no ffmpeg)/m);
    expect(output).toMatch(
      /^✓ nightly clean-up +\d+ {2}cron .*abandoned two days ago are gone, the recent one and one as old that goes on stay/m,
    );
    expect(output).toMatch(/^✓ RPC of a second Worker +\d+ {2}.* is ready/m);
    expect(output).toMatch(/^✓ webhook revokes +\d+ {2}password\.changed: 2 sessions ended/m);
    expect(output).toMatch(/^✓ webhook refused +\d+ {2}forged: 401; ten minutes old: 401/m);
    expect(output).toMatch(/^✓ counts of events +\d+ {2}.*45 logins denied$/m);
    expect(output).toMatch(/^✓ creator purge +\d+ {2}12 files of one creator deleted/m);
    expect(output).not.toMatch(/✗|Error/);
  }, 180_000);

  test('a step that saw something wrong makes it end with status 1, and what follows is not run', async () => {
    const { status, output } = await runWithSteps(`[
      { name: 'right', run: async () => 'as it should be' },
      { name: 'wrong', run: async () => assert.equal((await fetch(server.url + '/api/health')).status, 404) },
      { name: 'later', run: async () => 'never' },
    ]`);
    expect(status).toBe(1);
    expect(output).toMatch(/^✓ right +\d+ {2}as it should be$/m);
    expect(output).toMatch(/^✗ wrong .*200 !== 404/m);
    expect(output).toMatch(/^– later +0 {2}not run$/m);
    expect(output).toMatch(/FAILED: 1 of 3 steps passed/);
  }, 120_000);

  test('without ffmpeg the step that needs it is skipped, and the original is played', async () => {
    const script = `
      import { createTour } from './examples/worker/demo/tour.mjs';
      import { runDemo } from ${JSON.stringify(RUN_DEMO)};
      const names = ['sign up and log in', 'signed upload', 'R2 event to HLS', 'upload in parts'];
      const tour = (server) => ({ steps: createTour(server).steps.filter(({ name }) => names.includes(name)), showcase: {} });
      process.exitCode = await runDemo({ once: true, tour });
    `;
    const env = { ...process.env, PATH: join(ROOT, '.cache/no-programs') };
    const { status, output } = await withModule(script, (file) => runNode([file], env));
    expect(output).toMatch(/^– R2 event to HLS +\d+ {2}skipped: no ffmpeg; the original is played, by a signed link$/m);
    expect(output).toMatch(/^✓ upload in parts/m);
    expect(output).toMatch(/All is well: 3 of 4 steps passed, 1 skipped/);
    expect(status).toBe(0);
  }, 120_000);

  test('refuses a port that is none', async () => {
    const { status, output } = await runNode(['examples/worker/demo.mjs', '--once', '--port', 'eighty']);
    expect(status).toBe(1);
    expect(output).toContain('--port must be a number from 1 to 65535, not "eighty".');
  });
});
