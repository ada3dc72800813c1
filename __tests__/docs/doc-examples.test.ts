import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, typeCheck } from '../support/type-check.js';

/** What the examples take from the app around them. */
const SURROUNDINGS = `
import type * as clients from '@codex/cloudflare-clients';
import type { DurableObjectNamespace, KVNamespace, R2Bucket } from '@cloudflare/workers-types';
declare global {
  interface Env {
    AUTH_SESSION_KV: KVNamespace; RATE_LIMIT_KV: KVNamespace; CACHE_KV: KVNamespace; MEDIA: R2Bucket;
    R2_ACCOUNT_ID: string; R2_ACCESS_KEY_ID: string; R2_SECRET_ACCESS_KEY: string;
    RATE_LIMITER: DurableObjectNamespace; LOCKS: DurableObjectNamespace; COUNTERS: DurableObjectNamespace; SESSIONS: DurableObjectNamespace;
    FLOOD_FILTER: RateLimit;
  }
  interface Content { id: string }
  interface Database { list(category: string): Promise<Content[]>; get(id: string): Promise<Content | null> }
  class ContentController { handle(request: Request): Promise<Response> }
  const DATABASE: clients.Token<Database>;
  const CLOCK: clients.Token<() => number>;
  const cache: clients.CacheClient;
  const r2: clients.R2Client, bucket: string, key: string, size: number, file: File, request: Request;
  const container: import('tsyringe').DependencyContainer;
  const env: Env, ctx: ExecutionContext, token: string, ip: string, body: ReadableStream, creatorId: string, mediaId: string, items: Content[];
  const db: { findPublished(): Promise<Content[]> };
  const database: Database;
  function loadSession(token: string): Promise<clients.CachedSession>;
}
export {};
`;

const PACKAGE_NAMES = exportedNames(join(root, 'src/index.ts'));
const TESTING_NAMES = exportedNames(join(root, 'src/testing.ts'));

/** The names that an entry exports. */
function exportedNames(entry: string): string[] {
  const text = readFileSync(entry, 'utf8');
  const lists = [...text.matchAll(/export (?:type )?\{([^}]*)\}/g)].map(([, names]) => names!);
  return lists.flatMap((names) => names.split(',').map((name) => name.trim())).filter((name) => name !== '');
}

/** Every `@example` of a source file, with the imports that it leaves out. */
function examplesOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/@example\s*\n\s*\* ```ts\n([\s\S]*?)\* ```/g)].map(([, lines]) => {
    const code = lines!.replace(/^\s*\* ?/gm, '');
    const uses = (name: string): boolean =>
      new RegExp(`\\b${name}\\b`).test(code) && !new RegExp(`(const|class|interface) ${name}\\b`).test(code);
    const names = PACKAGE_NAMES.filter((name) => uses(name) && !(name === 'token' && !/\btoken</.test(code)));
    const testing = TESTING_NAMES.filter(uses);
    return [
      `import { ${names.join(', ')} } from '@codex/cloudflare-clients';`,
      `import { ${testing.join(', ')} } from '@codex/cloudflare-clients/testing';`,
      code,
    ].join('\n');
  });
}

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
  /\.ts$/.test(name),
);
const examples = sources.flatMap((name) => {
  return examplesOf(join(root, 'src', name)).map(
    (code, index) => [`${name.replace(/\W/g, '-')}-${index}`, code] as const,
  );
});

describe('the examples in doc comments', () => {
  it('are there for each client, decorator and way to make a container', () => {
    const documented = new Set(examples.map(([name]) => name.replace(/-ts-\d+$/, '')));
    for (const file of [
      'clients-durable-lock-client',
      'clients-kv-cache-cache-client',
      'clients-kv-cache-memory-tier',
      'clients-kv-codecs-encrypted-codec',
      'clients-kv-operation-budget',
      'adapters-cachified',
      'adapters-express-rate-limit',
      'adapters-hono-rate-limiter',
      'adapters-keyv',
      'adapters-unstorage',
      'sinks-analytics-engine-sink',
      'sinks-combine-sinks',
      'sinks-console-sink',
      'sinks-server-timing-sink',
      'sinks-tracer-sink',
      'clients-kv-kv-client',
      'clients-kv-session-session-cache-client',
      'clients-rate-limit-binding-rate-limit-store',
      'clients-rate-limit-enforce-limit',
      'clients-rate-limit-ip-key',
      'clients-rate-limit-rate-limit-headers',
      'clients-rate-limit-layered-rate-limit-store',
      'clients-rate-limit-memory-rate-limit-store',
      'clients-rate-limit-object-rate-limit-store',
      'clients-rate-limit-rate-limiter-client',
      'clients-r2-r2-client',
      'clients-r2-hls-hls-tokens',
      'clients-r2-hls-rewrite-playlist',
      'clients-r2-hls-serve-private-hls',
      'clients-r2-hls-sign-playlist',
      'clients-r2-hls-timed-hmac',
      'decorators-cached',
      'decorators-cached-methods',
      'decorators-cache-evict',
      'decorators-cache-key',
      'decorators-cache-put',
      'decorators-injectable',
      'decorators-locked',
      'decorators-rate-limited',
      'providers-container',
      'providers-cloudflare-clients',
      'errors',
      'testing-provide-mock',
      'testing-rate-limit-contract',
    ]) {
      // prettier-ignore
      expect([...documented]).toContain(file);
    }
  });

  it('compile', () => {
    expect(typeCheck({ surroundings: SURROUNDINGS, ...Object.fromEntries(examples) })).toEqual([]);
  });
});
