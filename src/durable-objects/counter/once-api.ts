/** Asks to do a piece of work. */
export interface BeginRequest {
  /** Names the run; asked again with the same id, the object grants the same run. */
  readonly runId: string;
  /** What is to be done, as the caller describes it; `''` when it does not. */
  readonly fingerprint: string;
  /** Milliseconds that the run is the caller's own, from now by the object's clock. */
  readonly leaseMs: number;
  /** Milliseconds that the result is to be kept. */
  readonly ttlMs: number;
}

/**
 * What came of the work: its result as JSON, or why that could not be kept.
 *
 * - `json`: `text`; `null` stands for `undefined`.
 * - `unkept`: the work was done, and its result is no JSON or takes too many bytes.
 */
export type OnceOutcome =
  { readonly kind: 'json'; readonly text: string | null } | { readonly kind: 'unkept'; readonly reason: string };

/**
 * The answer to a {@link BeginRequest}.
 *
 * - `run`: the caller does it, under a fence that is greater than every one before.
 * - `done`: it was done.
 * - `running`: another does it.
 * - `conflict`: it is, or was, something else under the same key.
 */
export type BeginReply =
  | { readonly state: 'run'; readonly fence: number }
  | { readonly state: 'done'; readonly outcome: OnceOutcome }
  | { readonly state: 'running' | 'conflict' };

/** Names a run that was granted. */
export interface RunRequest {
  readonly runId: string;
  readonly fence: number;
}

/** Names a run that is given up; with `null` as its fence, whichever was granted under its id. */
export interface AbandonRequest {
  readonly runId: string;
  readonly fence: number | null;
}

/** The methods of an object that holds one piece of work. */
export interface OnceApi {
  /** Asks to do the work. */
  begin(request: BeginRequest): BeginReply;
  /** Has the lease begin anew; answers whether the run is still the caller's. */
  renew(request: RunRequest & { readonly leaseMs: number }): { readonly held: boolean };
  /** Keeps what came of it; answers whether the run was still the caller's. A replaced run changes nothing. */
  finish(request: RunRequest & { readonly outcome: OnceOutcome; readonly ttlMs: number }): { readonly stored: boolean };
  /** Gives the run up: the next caller does it. */
  abandon(request: AbandonRequest): void;
}
