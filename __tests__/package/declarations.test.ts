import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '../..');

const CONSUMER = `
import { CacheClient, RateLimiterClient, SessionCacheClient, KVClient, R2Client, createRequestContainer, CACHE_CLIENT } from '@codex/cloudflare-clients';
import { MemoryKVNamespace } from '@codex/cloudflare-clients/testing';
import type { KVNamespace, R2Bucket } from 'WORKERS_TYPES';
interface Env { CACHE_KV: KVNamespace; AUTH_SESSION_KV: KVNamespace; RATE_LIMIT_KV: KVNamespace; MEDIA: R2Bucket }
export async function handler(env: Env): Promise<number | null> {
  new SessionCacheClient(env.AUTH_SESSION_KV);
  new RateLimiterClient(env.RATE_LIMIT_KV);
  new KVClient(env.CACHE_KV);
  new CacheClient(new MemoryKVNamespace());
  new R2Client({ accountId: 'a', accessKeyId: 'b', secretAccessKey: 'c' });
  new R2Client({ bindings: { media: env.MEDIA } });
  const container = createRequestContainer(env);
  const cache: CacheClient = container.resolve(CACHE_CLIENT);
  return new CacheClient(env.CACHE_KV).get<number>(await cache.getOrSet('cache:a:b', 60, async () => 'k'));
}
`;

const SINKS = `
import { AnalyticsEngineSink, ConsoleSink, combineSinks, createRequestContainer } from '@codex/cloudflare-clients';
import type { CombinedSink } from '@codex/cloudflare-clients';
export const sink: CombinedSink = combineSinks(new ConsoleSink(), undefined);
export const dispose = (): Promise<void> => createRequestContainer({})[Symbol.asyncDispose]().then(() => sink[Symbol.dispose]());
export const flush = (one: AnalyticsEngineSink): void => one[Symbol.dispose]();
`;

const CODECS = `
import { encryptedCodec, SessionCacheClient } from '@codex/cloudflare-clients';
import type { KVNamespaceLike } from '@codex/cloudflare-clients';
export * from '@codex/cloudflare-clients/adapters/cachified';
export { honoRateLimitStore } from '@codex/cloudflare-clients/adapters/hono-rate-limiter';
export { expressRateLimitStore } from '@codex/cloudflare-clients/adapters/express-rate-limit';
export * from '@codex/cloudflare-clients/adapters/keyv';
export { betterAuthStorage } from '@codex/cloudflare-clients/adapters/better-auth';
export * from '@codex/cloudflare-clients/adapters/unstorage';
IMPORT
export const make = (key: CryptoKey) => encryptedCodec({ keys: { a: key, b: 'base64', c: new Uint8Array(32) }, current: 'a' });
export const sessions = (kv: KVNamespaceLike, key: CryptoKey) =>
  new SessionCacheClient(kv, { hashKeys: { peppers: [key, 'a pepper of 16 bytes', new Uint8Array(32)] } });
`;

const OBJECTS = `
import { CounterObject, LockObject, RateLimiterObject, SessionObject } from '@codex/cloudflare-clients/durable-objects';
import worker from '@codex/cloudflare-clients/worker';
import { CounterClient, LockClient, RateLimited, RateLimiterClient, Locked, toHeaders } from '@codex/cloudflare-clients';
import type { DurableObjectNamespace } from 'WORKERS_TYPES';
export { CounterObject, LockObject, RateLimiterObject, SessionObject };
interface Env { RATE_LIMITER: DurableObjectNamespace<RateLimiterObject>; LOCKS: DurableObjectNamespace<LockObject>; COUNTERS: DurableObjectNamespace }
export class Service {
  constructor(readonly limiter: RateLimiterClient, readonly locks: LockClient) {}
  @RateLimited({ limit: 5, window: 60, keyPrefix: 'rl:', key: (id) => id })
  @Locked({ name: (id) => id, ttlMs: 1_000 })
  async work(id: string): Promise<string> { return id; }
}
export default {
  async fetch(_request: unknown, env: Env): Promise<Response> {
    const limiter = new RateLimiterClient(env.RATE_LIMITER);
    const result = await limiter.checkLimit('a', { limit: 5, window: 60, keyPrefix: 'rl:' });
    await new Service(limiter, new LockClient(env.LOCKS)).work('a');
    await new CounterClient(env.COUNTERS).increment('a');
    return result.allowed ? new Response('ok', { headers: toHeaders(result) }) : worker.fetch();
  },
};
`;

const WORKER = `
import { CacheClient, createContainer, provideCache } from '@codex/cloudflare-clients';
import { currentScope, runInScope } from '@codex/cloudflare-clients/ambient';
import { defineWorker, scopedEntrypoint, scopedObject } from '@codex/cloudflare-clients/workers';
import type { Invocation } from '@codex/cloudflare-clients/workers';
import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
interface Env { CACHE_KV: KVNamespace; MEDIA: Service<Media>; DRAFTS: DurableObjectNamespace<Draft> }
const app = createContainer(provideCache());
export class Media extends scopedEntrypoint(app, WorkerEntrypoint)<Env, { tenant: string }> {
  async sign(key: string): Promise<string> { return \`\${key} \${this.ctx.props.tenant} \${this.env.CACHE_KV} \${this.container.resolve(CacheClient)}\`; }
}
export class Draft extends scopedObject(app, DurableObject)<Env> {
  ids(): Promise<string[]> { return this.inScope(async (container) => [this.ctx.id.toString(), String(container.resolve(CacheClient))]); }
}
export default defineWorker<Env, string>(app, {
  async fetch(request, scope, { env, ctx }: Invocation<Env, ExecutionContext>) {
    ctx.waitUntil(scope.resolve(CacheClient).delete(request.url));
    const signed: string = await env.MEDIA.sign('a');
    return new Response(signed + (await env.DRAFTS.getByName('a').ids()).join());
  },
  queue(batch, scope) { for (const { body, ack } of batch.messages) { const text: string = body; } },
  scheduled: async (run: ScheduledController, scope) => { currentScope() === scope; },
  email: async (message: ForwardableEmailMessage) => { await message.forward('a@example.com'); },
  tail: async (traces: TraceItem[]) => {},
  onError: (error, request) => new Response(String(error)),
}, { run: runInScope }) satisfies ExportedHandler<Env, string>;
`;

/** Callers of an entrypoint and of an object do not see what is theirs alone. */
const CALLERS = `
export const a = (media: Service<Media>) => media.container;
export const b = (drafts: DurableObjectNamespace<Draft>) => drafts.getByName('a').inScope;
`;

const KIT = `
import { createContainer, provideCache, RateLimiterClient } from '@codex/cloudflare-clients';
import { handleContainer, limitRefusal } from '@codex/cloudflare-clients/sveltekit';
import type { ContainerLocals, RequestEventLike } from '@codex/cloudflare-clients/sveltekit';
interface Event extends RequestEventLike { locals: ContainerLocals & { user: string | null }; platform: Readonly<{ env: { A: string }; cf?: object }> | undefined }
type Handle = (input: { event: Event; resolve: (event: Event, opts?: object) => Response | Promise<Response> }) => Response | Promise<Response>;
export const handle: Handle = handleContainer(createContainer(provideCache()));
export async function login({ locals }: Event) {
  const limit = await locals.container.resolve(RateLimiterClient).checkLimit('a', { limit: 1, window: 1, keyPrefix: 'x:' });
  if (!limit.allowed) return limitRefusal(limit).data.message;
  return null;
}
`;

/** What the types of a platform call a key of WebCrypto. */
const IN_NODE = `import type { webcrypto } from 'node:crypto'; type CryptoKey = webcrypto.CryptoKey;`;
const IN_WORKERS_5 = `import type { CryptoKey } from 'workers-types-v5';`;

const DISPOSABLE = 'lib.esnext.disposable.d.ts';
const DOM = ['lib.dom.d.ts', 'lib.dom.iterable.d.ts'];

interface Settings {
  readonly types?: string[];
  readonly lib?: string[];
  readonly skipLibCheck?: boolean;
}

/** Type-checks a consumer of the built package, unless told otherwise our own declarations included, and returns the errors. */
function check(text: string, { types = [], lib = [], skipLibCheck = false }: Settings): string[] {
  const folder = mkdtempSync(join(root, '.cache-types-'));
  try {
    const file = join(folder, 'consumer.ts');
    writeFileSync(file, text);
    const program = ts.createProgram([file], {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck,
      noEmit: true,
      types,
      lib: ['lib.es2022.d.ts', ...lib],
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

const consumerOf = (workersTypes: string): string => CONSUMER.replace('WORKERS_TYPES', workersTypes);

describe('the declarations', () => {
  it.each([
    ['workers-types 4', '@cloudflare/workers-types'],
    ['workers-types 5', 'workers-types-v5'],
  ])('compile for a Worker with %s, without skipLibCheck', (_name, workersTypes) => {
    const settings = { types: [workersTypes], lib: [DISPOSABLE] };
    expect(check(consumerOf(workersTypes), settings)).toEqual([]);
  });

  it.each([
    ['workers-types 4', '@cloudflare/workers-types'],
    ['workers-types 5', 'workers-types-v5'],
  ])('of the objects compile for a Worker with %s, without skipLibCheck', (_name, workersTypes) => {
    const settings = { types: [workersTypes], lib: [DISPOSABLE] };
    expect(check(OBJECTS.replace('WORKERS_TYPES', workersTypes), settings)).toEqual([]);
  });

  it.each([
    ['workers-types 4', '@cloudflare/workers-types'],
    ['workers-types 5', 'workers-types-v5'],
  ])('of the entries compile for a Worker with %s, without skipLibCheck', (_name, workersTypes) => {
    expect(check(WORKER, { types: [workersTypes], lib: [DISPOSABLE] })).toEqual([]);
    expect(check(WORKER + CALLERS, { types: [workersTypes], lib: [DISPOSABLE] })).toEqual([
      expect.stringContaining("Property 'container' does not exist"),
      expect.stringContaining("Property 'inScope' does not exist"),
    ]);
  });

  it.each<[string, Settings]>([
    ['the DOM', { lib: DOM }],
    ['Node', { types: ['node'] }],
    ['workers-types 5', { types: ['workers-types-v5'] }],
  ])('of the entry for SvelteKit compile for an app with %s', (_name, settings) => {
    expect(check(KIT, settings)).toEqual([]);
  });

  it('of the entry for Workers compile without the types of Workers', () => {
    const worker = `
import { createContainer } from '@codex/cloudflare-clients';
import { defineWorker } from '@codex/cloudflare-clients/workers';
export const worker = defineWorker(createContainer(), { fetch: async () => new Response('ok') });
`;
    expect(check(worker, { lib: DOM })).toEqual([]);
    expect(check(worker, { types: ['node'] })).toEqual([]);
  });

  it('compile for an app that has the DOM library', () => {
    expect(check(consumerOf('workers-types-v5'), { lib: [...DOM, DISPOSABLE] })).toEqual([]);
  });

  it.each<[string, Settings]>([
    ['ES2022 and the DOM', { lib: DOM }],
    ['ES2024 and the DOM', { lib: ['lib.es2024.d.ts', ...DOM] }],
    ['ES2022 in a Worker', { types: ['workers-types-v5'] }],
    ['ES2022 in Node', { types: ['node'] }],
  ])('compile for an app whose library is %s, without Disposable', (_name, settings) => {
    expect(check(SINKS, settings)).toEqual([]);
    expect(check(consumerOf('workers-types-v5'), settings)).toEqual([]);
  });

  it.each([true, false])('type what combineSinks gives without Disposable (skipLibCheck: %p)', (skipLibCheck) => {
    const wrong = `import { combineSinks } from '@codex/cloudflare-clients';\nexport const n: number = combineSinks();`;
    expect(check(wrong, { lib: DOM, skipLibCheck })).toEqual([
      expect.stringContaining("'CombinedSink' is not assignable to type 'number'"),
    ]);
  });

  it.each<[string, string, Settings]>([
    ['Node', IN_NODE, { types: ['node'] }],
    ['the DOM', '', { lib: DOM }],
    ['workers-types 4', '', { types: ['@cloudflare/workers-types'] }],
    ['workers-types 5', IN_WORKERS_5, { types: ['workers-types-v5'] }],
  ])('take a CryptoKey as %s types it', (_name, imports, settings) => {
    expect(check(CODECS.replace('IMPORT', imports), settings)).toEqual([]);
  });

  it.each([true, false])('refuse a number as a key in Node (skipLibCheck: %p)', (skipLibCheck) => {
    const wrong = `import { encryptedCodec } from '@codex/cloudflare-clients';\nencryptedCodec({ keys: { a: 5 }, current: 'a' });`;
    expect(check(wrong, { types: ['node'], skipLibCheck })).toEqual([
      expect.stringContaining("Type 'number' is not assignable to type"),
    ]);
  });

  it('are really checked: a wrong use is an error', () => {
    const right = consumerOf('@cloudflare/workers-types');
    const wrong = right.replace('new KVClient(env.CACHE_KV)', "new KVClient('CACHE_KV')");
    expect(wrong).not.toBe(right);
    const settings = { types: ['@cloudflare/workers-types'], skipLibCheck: true };
    expect(check(wrong, settings)).toHaveLength(1);
  });
});
