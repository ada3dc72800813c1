import { execFile } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');

test('the example of bulk work stops a replication, goes on with it and deletes what an event names', async () => {
  const { status, output } = await new Promise<{ status: number | null; output: string }>((resolve) => {
    const child = execFile(process.execPath, ['examples/r2-operations/run.mjs'], { cwd: ROOT }, (_error, stdout) => {
      resolve({ status: child.exitCode, output: stdout });
    });
  });
  expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('R2_ABORTED') as string });
  expect(output).toContain('copyPrefix: 40 of 40 objects copied');
  expect(output).toMatch(/gone on with: resumed true, \d+ copied in all, 80 verified, complete true/);
  expect(output).toContain('dry run: 1 extraneous, 0 deleted');
  expect(output).toContain('2 acknowledged, the copy is deleted');
  expect(output).toContain('deletePrefix: 40 of 40 deleted');
}, 120_000);
