import { DurableObject } from 'cloudflare:workers';
import type { ChangeReply, ChangeRequest, CounterApi, ReadReply } from './counter/counter-api.js';
import { CounterMachine } from './counter/counter-machine.js';
import type { AbandonRequest, BeginReply, BeginRequest, OnceApi, OnceOutcome, RunRequest } from './counter/once-api.js';
import { hostOf } from './durable-object-host.js';

/**
 * The Durable Object of counters and of `once`: export it from the entry module of a Worker, and declare it under `new_sqlite_classes` in the
 * migrations of wrangler.jsonc. It is called by `CounterClient`; its methods may change with any version.
 */
export class CounterObject extends DurableObject<unknown> implements CounterApi, OnceApi {
  readonly #machine: CounterMachine;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env);
    this.#machine = new CounterMachine(hostOf(ctx.storage, 'CounterObject'));
  }

  /** Changes the counter. */
  change(request: ChangeRequest): { readonly replies: readonly ChangeReply[]; readonly shards: number } {
    return this.#machine.change(request);
  }

  /** Reads the counter. */
  read(): ReadReply {
    return this.#machine.read();
  }

  /** Asks to do the work. */
  begin(request: BeginRequest): BeginReply {
    return this.#machine.begin(request);
  }

  /** Has the lease of a run begin anew. */
  renew(request: RunRequest & { readonly leaseMs: number }): { readonly held: boolean } {
    return this.#machine.renew(request);
  }

  /** Keeps what came of a run. */
  finish(request: RunRequest & { readonly outcome: OnceOutcome; readonly ttlMs: number }): {
    readonly stored: boolean;
  } {
    return this.#machine.finish(request);
  }

  /** Gives a run up. */
  abandon(request: AbandonRequest): void {
    this.#machine.abandon(request);
  }

  /** Called by the platform. */
  override alarm(): void {
    this.#machine.alarm();
  }
}
