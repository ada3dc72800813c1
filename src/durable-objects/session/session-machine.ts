import type { ObjectHost, ObjectMachine } from '../object-host.js';
import type { CheckReply, EndAllRequest, EndSessionRequest, RevocationApi } from './revocation-api.js';
import { RevocationMachine } from './revocation-machine.js';

/**
 * What a `SessionObject` does, as one machine: the sum of its parts. An object serves one of them, by its name. All are told of an alarm; one
 * that has nothing stored leaves it alone, as what is stored is another's.
 */
export class SessionMachine implements RevocationApi, ObjectMachine {
  readonly #revocations: RevocationMachine;

  constructor(host: ObjectHost) {
    this.#revocations = new RevocationMachine(host);
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

  /** Tells every part. */
  alarm(): void {
    this.#revocations.alarm();
  }
}
