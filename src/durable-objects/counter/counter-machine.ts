import type { ObjectHost, ObjectMachine } from '../object-host.js';
import type { ChangeReply, ChangeRequest, CounterApi, ReadReply } from './counter-api.js';
import type { AbandonRequest, BeginReply, BeginRequest, OnceApi, OnceOutcome, RunRequest } from './once-api.js';
import { OnceRecord } from './once-record.js';
import { Tally } from './tally.js';

/** The state machine of `CounterObject`: a counter, or a piece of work that is done once. An object is one of the two, by its name. */
export class CounterMachine implements CounterApi, OnceApi, ObjectMachine {
  readonly #tally: Tally;
  readonly #once: OnceRecord;

  constructor(host: ObjectHost) {
    this.#tally = new Tally(host);
    this.#once = new OnceRecord(host);
  }

  /** Changes the counter. */
  change(request: ChangeRequest): { readonly replies: readonly ChangeReply[]; readonly shards: number } {
    return this.#tally.change(request);
  }

  /** Reads the counter. */
  read(): ReadReply {
    return this.#tally.read();
  }

  /** Asks to do the work. */
  begin(request: BeginRequest): BeginReply {
    return this.#once.begin(request);
  }

  /** Has the lease of a run begin anew. */
  renew(request: RunRequest & { readonly leaseMs: number }): { readonly held: boolean } {
    return this.#once.renew(request);
  }

  /** Keeps what came of a run. */
  finish(request: RunRequest & { readonly outcome: OnceOutcome; readonly ttlMs: number }): {
    readonly stored: boolean;
  } {
    return this.#once.finish(request);
  }

  /** Gives a run up. */
  abandon(request: AbandonRequest): void {
    this.#once.abandon(request);
  }

  /** Cleans up. */
  alarm(): void {
    this.#tally.alarm();
    this.#once.alarm();
  }
}
