import type { CachedSession } from '@codex/cloudflare-clients';

/** A user, as signing in needs it. */
export interface UserRow extends Record<string, SqlStorageValue> {
  id: string;
  email: string;
  name: string;
  passwordHash: string;
}

/** A session: the token itself is in the visitor's cookie only. */
export interface SessionRow extends Record<string, SqlStorageValue> {
  id: string;
  userId: string;
  tokenHash: string;
  expiresAt: string;
}

/** A media item of a creator. */
export interface MediaRow extends Record<string, SqlStorageValue> {
  id: string;
  creatorId: string;
  title: string;
  published: number;
}

/** A session read from the database: what the cache keeps, less the token. */
export interface StoredSession {
  session: Omit<CachedSession['session'], 'token'>;
  user: CachedSession['user'];
}

/** The app's database. `CatalogObject` is one, reached over RPC; errors lose their class there, so methods return results. */
export interface Database {
  /** `false` when the address is taken. */
  addUser(user: UserRow): Promise<boolean>;
  findUser(email: string): Promise<UserRow | null>;
  addSession(session: SessionRow): Promise<void>;
  findSession(tokenHash: string): Promise<StoredSession | null>;
  deleteSession(tokenHash: string): Promise<void>;
  deleteSessionsOf(userId: string): Promise<number>;
  deleteExpiredSessions(now: string): Promise<number>;
  addMedia(media: MediaRow): Promise<void>;
  findMedia(id: string): Promise<MediaRow | null>;
  listMedia(creatorId: string): Promise<MediaRow[]>;
  publishMedia(id: string): Promise<void>;
  deleteMedia(creatorId: string): Promise<number>;
}
