import { DurableObject } from 'cloudflare:workers';
import { hostOf } from './durable-object-host.js';
import type { CheckReply, CheckRequest, RateLimitApi, RefundRequest } from './rate-limit/rate-limit-api.js';
import { RateLimitMachine } from './rate-limit/rate-limit-machine.js';

/**
 * The Durable Object behind an exact `RateLimiterClient`: one for each key. The Worker exports it from its entry module and binds it as `RATE_LIMITER`,
 * SQLite-backed. It empties itself when nothing that it counted matters any more.
 *
 * @example
 * ```ts
 * // In the entry module: export { RateLimiterObject } from '@codex/cloudflare-clients/durable-objects';
 * const limiter = new RateLimiterClient(env.RATE_LIMITER);
 * ```
 */
export class RateLimiterObject extends DurableObject<unknown> implements RateLimitApi {
  readonly #machine: RateLimitMachine;

  /** Made by the runtime. */
  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env);
    this.#machine = new RateLimitMachine(hostOf(ctx.storage, 'RateLimiterObject'));
  }

  /** Decides about an attempt and counts it. */
  check(request: CheckRequest): CheckReply {
    return this.#machine.check(request);
  }

  /** What `check` would answer; nothing is counted. */
  peek(request: Pick<CheckRequest, 'rules' | 'cost'>): CheckReply {
    return this.#machine.peek(request);
  }

  /** Gives units back. */
  refund(request: RefundRequest): { readonly refunded: number } {
    return this.#machine.refund(request);
  }

  /** Refuses everything for a while. */
  block(request: { readonly durationMs: number }): { readonly blockedUntil: number } {
    return this.#machine.block(request);
  }

  /** Forgets counts, block and operations. */
  reset(): void {
    this.#machine.reset();
  }

  /** Called by the runtime. */
  override alarm(): void {
    this.#machine.alarm();
  }
}
