// The example Worker itself; what it is bound to is wrapped for each request, in what its header says shall befall it.
import * as objects from '@codex/cloudflare-clients/durable-objects';
import demo from '../examples/worker/src/index.js';
import { FAULT_HEADER, FaultState, INJECTED_HEADER, readFault } from './faults.js';
import { faultyBucket } from './faulty-bucket.js';
import { faultyKV, KVHistory } from './faulty-kv.js';
import { faultyObjects } from './faulty-objects.js';

export * from '../examples/worker/src/index.js';

const OBJECTS = ['RATE_LIMITER', 'LOCKS', 'COUNTERS', 'SESSIONS'];
const NAMESPACES = { AUTH_SESSION_KV: new KVHistory(), CACHE_KV: new KVHistory() };

/** The package's classes, which can be reset from outside as the platform resets them. */
export class RateLimiterObject extends objects.RateLimiterObject {
  soakAbort(): void {
    this.ctx.abort('reset by the soak');
  }
}
export class LockObject extends objects.LockObject {
  soakAbort(): void {
    this.ctx.abort('reset by the soak');
  }
}
export class CounterObject extends objects.CounterObject {
  soakAbort(): void {
    this.ctx.abort('reset by the soak');
  }
}
export class SessionObject extends objects.SessionObject {
  soakAbort(): void {
    this.ctx.abort('reset by the soak');
  }
}

const { fetch: answerAsEver } = demo as unknown as Required<ExportedHandler<Record<string, unknown>>>;

export default {
  ...demo,
  async fetch(request: Request, env: Record<string, unknown>, ctx: ExecutionContext): Promise<Response> {
    const faults = new FaultState(readFault(request.headers.get(FAULT_HEADER)));
    const response = await answerAsEver(request as never, wrap(env, faults), ctx);
    const answer = new Response(response.body as never, response);
    answer.headers.set(INJECTED_HEADER, String(faults.injected));
    return answer;
  },
};

function wrap(env: Record<string, unknown>, faults: FaultState): Record<string, unknown> {
  const wrapped = { ...env };
  for (const [name, history] of Object.entries(NAMESPACES))
    wrapped[name] = faultyKV(env[name] as KVNamespace, history, faults);
  for (const name of OBJECTS) wrapped[name] = faultyObjects(env[name] as DurableObjectNamespace, faults);
  wrapped['MEDIA'] = faultyBucket(env['MEDIA'] as R2Bucket, faults);
  return wrapped;
}
