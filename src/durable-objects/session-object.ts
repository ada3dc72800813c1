import { DurableObject } from 'cloudflare:workers';
import { hostOf } from './durable-object-host.js';
import type {
  DeleteValueRequest,
  IncrementValueRequest,
  SetValueOutcome,
  SetValueRequest,
  ValueChange,
  ValueReply,
} from './session/expiring-value-api.js';
import type { CheckReply, EndAllRequest, EndSessionRequest } from './session/revocation-api.js';
import { SessionMachine } from './session/session-machine.js';

/**
 * The Durable Object behind strong sessions: one per user remembers which sessions were ended, and one per key holds what Better Auth stores.
 * Export it from the Worker and declare it under
 * `new_sqlite_classes`; the binding is called `SESSIONS` by default.
 */
export class SessionObject extends DurableObject {
  readonly #machine: SessionMachine;

  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, env);
    this.#machine = new SessionMachine(hostOf(ctx.storage, 'SessionObject'));
  }

  /** Ends one session. */
  endSession(request: EndSessionRequest): { readonly endedAt: number } {
    return this.#machine.endSession(request);
  }

  /** Ends all sessions of the user. */
  endAll(request: EndAllRequest): { readonly revokedBefore: number } {
    return this.#machine.endAll(request);
  }

  /** What is known about sessions. */
  check(request: { readonly ids: readonly string[] }): CheckReply {
    return this.#machine.check(request);
  }

  /** The value of an object that holds one. */
  getValue(): ValueReply {
    return this.#machine.getValue();
  }

  /** Stores a value. */
  setValue(request: SetValueRequest): { readonly outcome: SetValueOutcome } {
    return this.#machine.setValue(request);
  }

  /** Deletes the value. */
  deleteValue(request: DeleteValueRequest): { readonly isDeleted: true } {
    return this.#machine.deleteValue(request);
  }

  /** Deletes the value and answers what it was. */
  takeValue(request: ValueChange): ValueReply {
    return this.#machine.takeValue(request);
  }

  /** Increases a counter. */
  incrementValue(request: IncrementValueRequest): { readonly count: number | null } {
    return this.#machine.incrementValue(request);
  }

  /** Cleans up. */
  override alarm(): void {
    this.#machine.alarm();
  }
}
