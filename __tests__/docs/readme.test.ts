import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

/** What the examples take from the app around them. */
const SURROUNDINGS = `
import type { KVNamespace } from '@cloudflare/workers-types';
declare global {
  interface Env {
    AUTH_SESSION_KV: KVNamespace; RATE_LIMIT_KV: KVNamespace; CACHE_KV: KVNamespace;
    R2_ACCOUNT_ID: string; R2_ACCESS_KEY_ID: string; R2_SECRET_ACCESS_KEY: string;
  }
  function openDatabase(env: object): { titles(): Promise<string[]> };
}
export {};
`;

/** Type-checks texts as files of a Worker and returns the errors, each with the number of its text. */
function check(texts: readonly string[]): string[] {
  const folder = mkdtempSync(join(root, '.cache-readme-'));
  try {
    const files = [SURROUNDINGS, ...texts].map((text, index) => {
      const file = join(folder, `example-${index}.ts`);
      writeFileSync(file, `${text}\nexport {};\n`);
      return file;
    });
    const program = ts.createProgram(files, {
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      experimentalDecorators: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: true,
      noEmit: true,
      types: ['@cloudflare/workers-types', 'jest'],
    });
    return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
      const text = ts.flattenDiagnosticMessageText(messageText, ' ');
      return `${file?.fileName.replace(/^.*\//, '') ?? ''}: ${text}`;
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the README', () => {
  it('has examples that compile', () => {
    expect(examples.length).toBeGreaterThan(5);
    expect(check(examples)).toEqual([]);
  });

  it('is checked for real: a misspelt method is an error', () => {
    expect(
      check(['import { CacheClient } from "@codex/cloudflare-clients"; CacheClient.prototype.gett;']),
    ).toHaveLength(1);
  });

  it('shows its first example before line 30', () => {
    const lines = readme.split('\n');
    expect(lines.slice(0, 30).filter((line) => line.startsWith('```'))).toHaveLength(2);
  });

  it('links to files that exist', () => {
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path!);
    expect(links.length).toBeGreaterThan(4);
    for (const link of links)
      expect(ts.sys.fileExists(join(root, link)) || ts.sys.directoryExists(join(root, link))).toBe(true);
  });
});
