import { execFile } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../..');

/** Runs an ES module of text in Node and reads what it prints as JSON; the modules of examples/local are `.mjs`, which Jest does not load. */
export function runModule<Value>(text: string): Promise<Value> {
  return new Promise((resolve, reject) => {
    const args = ['--input-type=module', '--eval', text];
    execFile(process.execPath, args, { cwd: ROOT, timeout: 110_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout) as Value);
      else reject(new Error(stderr));
    });
  });
}
