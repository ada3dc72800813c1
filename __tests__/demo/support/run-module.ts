import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../..');

/** Runs an ES module of text in Node and reads what it prints as JSON; the modules of examples/local are `.mjs`, which Jest does not load. */
export function runModule<Value>(text: string): Promise<Value> {
  // A file: Miniflare does not start in a module that `--eval` was given.
  const folder = join(ROOT, '.cache');
  const file = join(folder, `module-${randomUUID()}.mjs`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text.replaceAll("'./examples/", "'../examples/"));
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [file], { cwd: ROOT, timeout: 60_000 }, (error, stdout, stderr) => {
      rmSync(file);
      if (error === null) resolve(JSON.parse(stdout) as Value);
      else reject(new Error(stderr));
    });
  });
}
