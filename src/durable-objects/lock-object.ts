import { DurableObject } from 'cloudflare:workers';
import { hostOf } from './durable-object-host.js';
import type { LeaseAnswer, LockAnswer, LockApi, LockRequest, LockStatus } from './lock/lock-api.js';
import { LockMachine } from './lock/lock-machine.js';

/**
 * The Durable Object class of `LockClient`: one object for each lock. Export it from the Worker's entry module and declare it under
 * `new_sqlite_classes` in the migrations of wrangler.jsonc.
 */
export class LockObject extends DurableObject implements LockApi {
  readonly #machine: LockMachine;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    this.#machine = new LockMachine(hostOf(ctx.storage, 'LockObject'));
  }

  /** Takes a place in the lock, or in the queue for it. */
  acquire(request: LockRequest): LockAnswer | Promise<LockAnswer> {
    return this.#machine.acquire(request);
  }

  /** Prolongs a live lease. */
  extend(request: { readonly owner: string; readonly ttlMs: number }): LeaseAnswer {
    return this.#machine.extend(request);
  }

  /** Gives back what an owner holds or waits for. */
  release(request: { readonly owner: string }): { readonly released: boolean } {
    return this.#machine.release(request);
  }

  /** What is known of a lease. */
  check(request: { readonly owner: string }): LeaseAnswer {
    return this.#machine.check(request);
  }

  /** How many hold the lock, and how many wait. */
  status(): LockStatus {
    return this.#machine.status();
  }

  /** Ends every lease. */
  forceRelease(request: { readonly operation: string }): { readonly released: number } {
    return this.#machine.forceRelease(request);
  }

  /** Called by the platform: cleans up. */
  override alarm(): void {
    this.#machine.alarm();
  }
}
