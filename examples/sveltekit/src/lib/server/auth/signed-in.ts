import type { CachedSession } from '@codex/cloudflare-clients';

/** A visitor with a session. */
export interface SignedIn {
  readonly user: CachedSession['user'];
  readonly session: CachedSession['session'];
  /** Where the session of this request was found. */
  readonly source: 'cache' | 'database';
}
