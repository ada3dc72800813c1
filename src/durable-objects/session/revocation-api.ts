/** A session that is to be ended. */
export interface EndSessionRequest {
  /** What the session goes by: hashes of its token, one per key that is in use. No token. */
  readonly ids: readonly string[];
  /** The caller's clock, in milliseconds since the epoch. */
  readonly at: number;
  /** How long this is to be remembered, in milliseconds: longer than any copy of the session can live. */
  readonly keepMs: number;
}

/** All sessions of a user, to be ended. */
export type EndAllRequest = Omit<EndSessionRequest, 'ids'>;

/** What is known about sessions. Times are in milliseconds since the epoch, and 0 where there is nothing. */
export interface CheckReply {
  /** Sessions that were issued up to then are ended. */
  readonly revokedBefore: number;
  /** When each of the ids that were asked about was ended, in their order. */
  readonly endedAt: readonly number[];
}

/**
 * The methods of a revocation object. Every user has an object of their own. No call carries an operation id: times only grow and a session that
 * was ended stays so, so what is sent again changes nothing that the first did not.
 */
export interface RevocationApi {
  /** Ends one session; answers when it counts as ended. */
  endSession(request: EndSessionRequest): { readonly endedAt: number };
  /** Ends all sessions issued up to now; answers up to when. */
  endAll(request: EndAllRequest): { readonly revokedBefore: number };
  /** What is known about the sessions that go by `ids`. Nothing is written. */
  check(request: { readonly ids: readonly string[] }): CheckReply;
}
