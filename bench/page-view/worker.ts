// The example Worker itself; what it is bound to is wrapped for each request and counted.
import demo from '../../examples/worker/src/index.js';

export * from '../../examples/worker/src/index.js';

const KINDS: Readonly<Record<string, string>> = {
  AUTH_SESSION_KV: 'kv',
  CACHE_KV: 'kv',
  RATE_LIMITER: 'object',
  LOCKS: 'object',
  COUNTERS: 'object',
  SESSIONS: 'object',
  DB: 'database',
  MEDIA: 'r2',
  TRANSCODING_QUEUE: 'queue',
};
/** Calls that go nowhere. */
const LOCAL = new Set(['idFromName', 'idFromString', 'newUniqueId', 'get', 'getByName', 'bind', 'prepare']);

type Counts = Record<string, number>;

export default {
  ...demo,
  async fetch(request: Request, env: Record<string, object>, ctx: ExecutionContext): Promise<Response> {
    const counts: Counts = {};
    const wrapped = Object.fromEntries(
      Object.entries(env).map(([name, binding]) => {
        const kind = KINDS[name];
        return [name, kind === undefined ? binding : counted(binding, kind, counts)];
      }),
    );
    const pending: Promise<unknown>[] = [];
    const context = {
      waitUntil: (work: Promise<unknown>) => void pending.push(work),
      passThroughOnException: () => undefined,
    };
    const handlers = demo as unknown as Required<ExportedHandler<typeof env>>;
    const response = await handlers.fetch(request as never, wrapped, context as never);
    const body = await response.arrayBuffer();
    const before = { ...counts };
    await Promise.allSettled(pending);
    const headers = new Headers(response.headers);
    headers.set('x-counts', JSON.stringify({ before, after: counts }));
    return new Response(body, { status: response.status, headers });
  },
};

function counted(binding: object, kind: string, counts: Counts): object {
  return new Proxy(binding, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function' || typeof name !== 'string') return value;
      return (...args: unknown[]): unknown => {
        const isStub = LOCAL.has(name) && kind !== 'kv' && kind !== 'r2';
        if (!isStub) counts[kind] = (counts[kind] ?? 0) + 1;
        // A method of a stub is called on the stub: bound to nothing.
        const answer: unknown = (target as Record<string, (...args: unknown[]) => unknown>)[name]?.(...args);
        return isStub && typeof answer === 'object' && answer !== null && !name.startsWith('idFrom')
          ? counted(answer, kind, counts)
          : answer;
      };
    },
  });
}
