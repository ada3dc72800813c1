import type { CachedSession } from '@codex/cloudflare-clients';

/** A user, as signing in needs it. */
export interface User {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly passwordHash: string;
}

/** A session that is opened: the token itself is in the visitor's cookie only. */
export interface NewSession {
  readonly id: string;
  readonly userId: string;
  readonly tokenHash: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

/** How far a media item is; the schema says what each means. */
export type MediaStatus = 'draft' | 'uploaded' | 'transcoding' | 'ready' | 'failed';

/** A media item of a creator. */
export interface Media {
  readonly id: string;
  readonly creatorId: string;
  readonly title: string;
  readonly status: MediaStatus;
  /** The key of the original in the bucket; `null` until it is there. */
  readonly originalKey: string | null;
  /** ISO 8601; `null` while nobody else sees it. */
  readonly publishedAt: string | null;
}

/** A session read from the database: what the cache keeps, less the token. */
export interface StoredSession {
  readonly session: Omit<CachedSession['session'], 'token'>;
  readonly user: CachedSession['user'];
}

/** The app's database. */
export interface Database {
  /** `false` when the address is taken. */
  addUser(user: User): Promise<boolean>;
  findUser(email: string): Promise<User | null>;
  /** Opens a session and reads it back, in one trip. */
  addSession(session: NewSession): Promise<StoredSession | null>;
  /** `null` when there is none, or it has expired. */
  findSession(tokenHash: string): Promise<StoredSession | null>;
  /** The user whose session it was; `null` when there was none. */
  deleteSession(tokenHash: string): Promise<string | null>;
  /** How many were ended. */
  deleteSessionsOf(userId: string): Promise<number>;
  deleteExpiredSessions(now: string): Promise<number>;
  addMedia(media: Pick<Media, 'id' | 'creatorId' | 'title'>): Promise<void>;
  findMedia(id: string): Promise<Media | null>;
  listMedia(creatorId: string): Promise<Media[]>;
  /** The time of the first publication stays. */
  publishMedia(id: string): Promise<void>;
  deleteMedia(creatorId: string): Promise<number>;
  /** The original is in the bucket. */
  noteOriginal(id: string, original: { readonly key: string; readonly bytes: number }): Promise<void>;
  setStatus(id: string, status: MediaStatus): Promise<void>;
}
