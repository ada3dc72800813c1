import { isCloudflareClientError } from '../../../errors.js';
import type { ErrorCode } from '../../../errors.js';
import type { ClientErrorEvent, ClientEvent } from '../../../events.js';
import { report } from '../../../internal/report.js';
import { KVAccess } from '../kv-access.js';
import type { KVNamespaceLike } from '../kv-namespace.js';
import { SessionKeys } from './session-keys.js';
import { sessionMemoryOf } from './session-memory.js';
import type { SessionMemory } from './session-memory.js';
import type { ResolvedSessionOptions } from './session-options.js';

/** What the parts of a session client share. */
export class SessionContext {
  readonly access: KVAccess;
  readonly keys: SessionKeys;
  readonly memory: SessionMemory;
  readonly options: ResolvedSessionOptions;

  constructor(namespace: KVNamespaceLike, options: ResolvedSessionOptions) {
    const { timeoutMs, events, budget, hashKeys } = options;
    this.access = new KVAccess(namespace, { source: 'session', timeoutMs, events, budget, secretKeys: true });
    this.keys = new SessionKeys(hashKeys);
    this.memory = sessionMemoryOf(namespace);
    this.options = options;
  }

  /** Whether objects alone say what was ended, as long as they answer. */
  get skipsMarks(): boolean {
    return this.options.revocations !== undefined && !this.options.readMarks;
  }

  /** The time, in milliseconds since the epoch. */
  now(): number {
    return this.options.now();
  }

  /** Reports an event where somebody listens. */
  report(event: ClientEvent): void {
    if (this.options.events !== undefined) report(this.options.events, event);
  }

  /** Reports a failure that is gone on without, as it is: it was made to be thrown, so it holds no token. */
  reportError(operation: ClientErrorEvent['operation'], error: unknown, otherwise: ErrorCode): void {
    const code = isCloudflareClientError(error) ? error.code : otherwise;
    this.report({ type: 'client.error', source: 'session', operation, keyPrefix: 'session:', code, error });
  }

  /** Does `work` after the response where that can be, else waits for it. It does not reject. */
  async afterwards(work: Promise<void>): Promise<void> {
    if (this.options.waitUntil === undefined) await work;
    else this.options.waitUntil(work);
  }
}
