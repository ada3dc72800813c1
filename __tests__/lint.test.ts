import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(__dirname, '..');

const REFUSED: [file: string, text: string][] = [
  ['src/clients/durable/lock-client.ts', `import { DurableObject } from 'cloudflare:workers';`],
  ['src/durable-objects/lock/lock-machine.ts', `import { DurableObject } from 'cloudflare:workers';`],
  ['src/durable-objects/durable-object-host.ts', `import { DurableObject } from 'cloudflare:workers';`],
  ['src/providers/locks.ts', `import { env } from 'cloudflare:workers';`],
  ['src/decorators/locked.ts', `import { env } from 'cloudflare:workers';`],
  ['src/adapters/keyv.ts', `import { env } from 'cloudflare:workers';`],
  ['src/testing/manual-clock.ts', `import { env } from 'cloudflare:workers';`],
  ['src/internal/report.ts', `import { env } from 'cloudflare:workers';`],
  ['src/durable-objects/lock/lock-machine.ts', `import { LockClient } from '../../clients/durable/lock-client.js';`],
  ['src/durable-objects/lock-object.ts', `import { LOCKS } from '../tokens/index.js';`],
  ['src/events.ts', `import { env } from 'cloudflare:workers';`],
  ['src/errors.ts', `import { CacheClient } from './clients/kv/cache/cache-client.js';`],
  ['src/events.ts', `import { ENV } from './tokens/index.js';`],
  ['src/events.ts', `import { CacheClient } from './index.js';`],
  ['src/clients/kv/cache/cache-client.ts', `import { Cached } from '../../../decorators/cached.js';`],
  ['src/clients/kv/cache/cache-client.ts', `import { ENV } from '../../../tokens/index.js';`],
  ['src/clients/kv/cache/cache-client.ts', `import { inject } from 'tsyringe';`],
  ['src/clients/kv/cache/cache-client.ts', `import { Buffer } from 'node:buffer';`],
  ['src/decorators/cached.ts', `import { provide } from '../providers/provider.js';`],
  ['src/tokens/index.ts', `import { CacheClient } from '../clients/kv/cache/cache-client.js';`],
  ['src/testing/manual-clock.ts', `import { CacheClient } from '../clients/kv/cache/cache-client.js';`],
  ['src/testing/manual-clock.ts', `import { CacheClient } from '../index.js';`],
  ['src/providers/cache.ts', `import { MemoryKVNamespace } from '../testing/memory-kv-namespace.js';`],
  ['src/providers/cache.ts', `import { CacheClient } from '../index.js';`],
  ['src/sinks/console-sink.ts', `import { CacheClient } from '../clients/kv/cache/cache-client.js';`],
  ['src/adapters/keyv.ts', `import { CACHE_KV } from '../tokens/index.js';`],
  ['src/clients/kv/cache/cache-client.ts', `import { ConsoleSink } from '../../../sinks/console-sink.js';`],
  ['src/index.ts', `export { runCli } from './cli/run-cli.js';`],
  ['src/clients/r2/r2-client.ts', `import { runCli } from '../../cli/run-cli.js';`],
  ['src/providers/r2.ts', `import { runCli } from '../cli/run-cli.js';`],
  ['src/testing/manual-clock.ts', `import { runCli } from '../cli/run-cli.js';`],
  ['src/entries/scope-end.ts', `import { ENV } from '../tokens/index.js';`],
  ['src/entries/scope-end.ts', `import { runInScope } from '../ambient.js';`],
  ['src/entries/scope-end.ts', `import { Hono } from 'hono';`],
  ['src/providers/cache.ts', `import { endScope } from '../entries/scope-end.js';`],
  ['src/cli/run-cli.ts', `import { ENV } from '../tokens/index.js';`],
  ['src/cli/run-cli.ts', `import { R2Client } from '../index.js';`],
];

const ALLOWED: [file: string, text: string][] = [
  ['src/durable-objects/rate-limiter-object.ts', `import { DurableObject } from 'cloudflare:workers';`],
  ['src/durable-objects/lock-object.ts', `import { DurableObject } from 'cloudflare:workers';`],
  ['src/durable-objects/counter-object.ts', `import { DurableObject } from 'cloudflare:workers';`],
  ['src/durable-objects/session-object.ts', `import { DurableObject } from 'cloudflare:workers';`],
  ['src/clients/durable/lock-client.ts', `import type { LockApi } from '../../durable-objects/lock/lock-api.js';`],
  ['src/decorators/cached.ts', `import { CacheClient } from '../clients/kv/cache/cache-client.js';`],
  ['src/providers/cache.ts', `import { CACHE_KV } from '../tokens/index.js';`],
  ['src/adapters/keyv.ts', `import { KVAccess } from '../clients/kv/kv-access.js';`],
  ['src/sinks/console-sink.ts', `import type { ClientEvent } from '../events.js';`],
  ['src/tokens/index.ts', `import type { CacheClient } from '../clients/kv/cache/cache-client.js';`],
  ['src/cli/process-io.ts', `import { readFile } from 'node:fs/promises';`],
  ['src/cli/commands/ls.ts', `import { R2Client } from '../../clients/r2/r2-client.js';`],
  ['src/entries/scope-end.ts', `import { isCloudflareClientError } from '../errors.js';`],
  ['src/entries/scope-end.ts', `import { holdsDisposables } from '../providers/request-scope.js';`],
  ['src/internal/request-scope.ts', `import type { DependencyContainer } from 'tsyringe';`],
];

/** Lints each text as if it stood in its file, in one Node; answers with the ids of the rules that each breaks. */
function lint(cases: readonly [string, string][]): string[][] {
  const run = `
    import { ESLint } from 'eslint';
    const eslint = new ESLint({
      overrideConfig: { languageOptions: { parserOptions: { projectService: false, program: null } } },
      ruleFilter: ({ ruleId }) => /restricted/.test(ruleId),
    });
    const broken = [];
    for (const [filePath, text] of JSON.parse(process.argv[1])) {
      const [result] = await eslint.lintText(text, { filePath });
      broken.push(result.messages.map(({ ruleId, message }) => ruleId ?? message));
    }
    console.log(JSON.stringify(broken));
  `;
  const args = ['--input-type=module', '--eval', run, JSON.stringify(cases)];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })) as string[][];
}

describe('the direction of imports', () => {
  let broken: string[][];

  beforeAll(() => {
    broken = lint([...REFUSED, ...ALLOWED]);
  });

  it.each(REFUSED.map((entry, index) => [...entry, index] as const))('refuses in %s: %s', (_file, _text, index) => {
    expect(broken[index]).toEqual([expect.stringMatching(/no-restricted-(imports|syntax)/)]);
  });

  it.each(ALLOWED.map((entry, index) => [...entry, index] as const))('allows in %s: %s', (_file, _text, index) => {
    expect(broken[REFUSED.length + index]).toEqual([]);
  });
});
