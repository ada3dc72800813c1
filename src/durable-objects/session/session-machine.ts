import type { ObjectHost, ObjectMachine } from '../object-host.js';
import type {
  DeleteValueRequest,
  ExpiringValueApi,
  IncrementValueRequest,
  SetValueOutcome,
  SetValueRequest,
  ValueChange,
  ValueReply,
} from './expiring-value-api.js';
import { ExpiringValueMachine } from './expiring-value-machine.js';
import type { CheckReply, EndAllRequest, EndSessionRequest, RevocationApi } from './revocation-api.js';
import { RevocationMachine } from './revocation-machine.js';

/**
 * What a `SessionObject` does, as one machine: the sum of its parts. An object serves one of them, by its name. All are told of an alarm; one
 * that has nothing stored leaves it alone, as what is stored is another's.
 */
export class SessionMachine implements RevocationApi, ExpiringValueApi, ObjectMachine {
  readonly #revocations: RevocationMachine;
  readonly #value: ExpiringValueMachine;

  constructor(host: ObjectHost) {
    this.#revocations = new RevocationMachine(host);
    this.#value = new ExpiringValueMachine(host);
  }

  /** As `RevocationApi` says. */
  endSession(request: EndSessionRequest): { readonly endedAt: number } {
    return this.#revocations.endSession(request);
  }

  /** As `RevocationApi` says. */
  endAll(request: EndAllRequest): { readonly revokedBefore: number } {
    return this.#revocations.endAll(request);
  }

  /** As `RevocationApi` says. */
  check(request: { readonly ids: readonly string[] }): CheckReply {
    return this.#revocations.check(request);
  }

  /** As `ExpiringValueApi` says. */
  getValue(): ValueReply {
    return this.#value.getValue();
  }

  /** As `ExpiringValueApi` says. */
  setValue(request: SetValueRequest): { readonly outcome: SetValueOutcome } {
    return this.#value.setValue(request);
  }

  /** As `ExpiringValueApi` says. */
  deleteValue(request: DeleteValueRequest): { readonly isDeleted: true } {
    return this.#value.deleteValue(request);
  }

  /** As `ExpiringValueApi` says. */
  takeValue(request: ValueChange): ValueReply {
    return this.#value.takeValue(request);
  }

  /** As `ExpiringValueApi` says. */
  incrementValue(request: IncrementValueRequest): { readonly count: number | null } {
    return this.#value.incrementValue(request);
  }

  /** Tells every part. */
  alarm(): void {
    this.#revocations.alarm();
    this.#value.alarm();
  }
}
