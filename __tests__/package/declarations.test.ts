import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '../..');

const CONSUMER = `
import { CacheClient, RateLimiterClient, SessionCacheClient, KVClient, R2Client, createRequestContainer, CACHE_CLIENT } from '@codex/cloudflare-clients';
import { MemoryKVNamespace } from '@codex/cloudflare-clients/testing';
import type { KVNamespace } from 'WORKERS_TYPES';
interface Env { CACHE_KV: KVNamespace; AUTH_SESSION_KV: KVNamespace; RATE_LIMIT_KV: KVNamespace }
export async function handler(env: Env): Promise<number | null> {
  new SessionCacheClient(env.AUTH_SESSION_KV);
  new RateLimiterClient(env.RATE_LIMIT_KV);
  new KVClient(env.CACHE_KV);
  new CacheClient(new MemoryKVNamespace());
  new R2Client({ accountId: 'a', accessKeyId: 'b', secretAccessKey: 'c' });
  const container = createRequestContainer(env);
  const cache: CacheClient = container.resolve(CACHE_CLIENT);
  return new CacheClient(env.CACHE_KV).get<number>(await cache.getOrSet('cache:a:b', 60, async () => 'k'));
}
`;

/** Type-checks a consumer of the built package, our own declarations included, and returns the errors. */
function check(workersTypes: string, types: string[], lib: string[]): string[] {
  const folder = mkdtempSync(join(root, '.cache-types-'));
  try {
    const file = join(folder, 'consumer.ts');
    writeFileSync(file, CONSUMER.replace('WORKERS_TYPES', workersTypes));
    const program = ts.createProgram([file], {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      types,
      lib,
    });
    return ts
      .getPreEmitDiagnostics(program)
      .filter(({ file: where }) => where === undefined || !/node_modules/.test(where.fileName))
      .map(
        ({ file: where, messageText }) =>
          `${where?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the declarations', () => {
  it.each([
    ['workers-types 4', '@cloudflare/workers-types'],
    ['workers-types 5', 'workers-types-v5'],
  ])('compile for a Worker with %s, without skipLibCheck', (_name, workersTypes) => {
    expect(check(workersTypes, [workersTypes], ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'])).toEqual([]);
  });

  it('compile for an app that has the DOM library', () => {
    const lib = ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts', 'lib.esnext.disposable.d.ts'];
    expect(check('workers-types-v5', [], lib)).toEqual([]);
  });

  it('are really checked: a wrong use is an error', () => {
    const wrong = CONSUMER.replace('new KVClient(env.CACHE_KV)', "new KVClient('CACHE_KV')");
    expect(wrong).not.toBe(CONSUMER);
    const folder = mkdtempSync(join(root, '.cache-types-'));
    try {
      const file = join(folder, 'consumer.ts');
      writeFileSync(file, wrong.replace('WORKERS_TYPES', '@cloudflare/workers-types'));
      const program = ts.createProgram([file], {
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
        strict: true,
        skipLibCheck: true,
        noEmit: true,
        types: ['@cloudflare/workers-types'],
      });
      expect(ts.getPreEmitDiagnostics(program).length).toBeGreaterThan(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
