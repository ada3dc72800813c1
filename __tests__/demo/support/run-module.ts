import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../..');
const TIMEOUT_MS = 60_000;

/** Runs an ES module of text in Node and reads what it prints as JSON; the modules of examples/local are `.mjs`, which Jest does not load. */
export function runModule<Value>(text: string): Promise<Value> {
  return withModule(
    text,
    (file) =>
      new Promise((resolve, reject) => {
        execFile(process.execPath, [file], { cwd: ROOT, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
          if (error === null) resolve(JSON.parse(stdout) as Value);
          else reject(new Error(stderr));
        });
      }),
  );
}

/** Gives `use` a file with an ES module, which may import `./examples/...`. A file, because Miniflare does not start in what `--eval` was given. */
export async function withModule<Value>(text: string, use: (file: string) => Promise<Value>): Promise<Value> {
  const folder = join(ROOT, '.cache');
  const file = join(folder, `module-${randomUUID()}.mjs`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text.replaceAll("'./examples/", "'../examples/"));
  try {
    return await use(file);
  } finally {
    rmSync(file);
  }
}
