import { DurableObject } from 'cloudflare:workers';
import type { MediaRow, SessionRow, StoredSession, UserRow } from './database.js';
import type { Env } from './env.js';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, passwordHash TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY, userId TEXT NOT NULL REFERENCES users (id), tokenHash TEXT NOT NULL UNIQUE, expiresAt TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS media (
    id TEXT PRIMARY KEY, creatorId TEXT NOT NULL REFERENCES users (id), title TEXT NOT NULL, published INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS media_by_creator ON media (creatorId);
`;

/** The database of the app: users, sessions and media in the SQLite storage of one Durable Object. */
export class CatalogObject extends DurableObject<Env> {
  readonly #sql: SqlStorage;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    this.#sql = state.storage.sql;
    this.#sql.exec(SCHEMA);
  }

  addUser({ id, email, name, passwordHash }: UserRow): boolean {
    const insert = 'INSERT INTO users VALUES (?, ?, ?, ?) ON CONFLICT (email) DO NOTHING';
    return this.#sql.exec(insert, id, email, name, passwordHash).rowsWritten > 0;
  }

  findUser(email: string): UserRow | null {
    return first(this.#sql.exec<UserRow>('SELECT * FROM users WHERE email = ?', email));
  }

  addSession({ id, userId, tokenHash, expiresAt }: SessionRow): void {
    this.#sql.exec('INSERT INTO sessions VALUES (?, ?, ?, ?)', id, userId, tokenHash, expiresAt);
  }

  findSession(tokenHash: string): StoredSession | null {
    const row = first(
      this.#sql.exec<SessionRow & UserRow>(
        'SELECT sessions.*, email, name FROM sessions JOIN users ON users.id = userId WHERE tokenHash = ?',
        tokenHash,
      ),
    );
    if (row === null || Date.parse(row.expiresAt) <= Date.now()) return null;
    const { id, userId, expiresAt, email, name } = row;
    return {
      session: { id, userId, expiresAt },
      user: { id: userId, email, name, role: 'creator', emailVerified: true },
    };
  }

  deleteSession(tokenHash: string): void {
    this.#sql.exec('DELETE FROM sessions WHERE tokenHash = ?', tokenHash);
  }

  deleteSessionsOf(userId: string): number {
    return this.#sql.exec('DELETE FROM sessions WHERE userId = ? RETURNING id', userId).toArray().length;
  }

  deleteExpiredSessions(now: string): number {
    return this.#sql.exec('DELETE FROM sessions WHERE expiresAt <= ? RETURNING id', now).toArray().length;
  }

  addMedia({ id, creatorId, title, published }: MediaRow): void {
    this.#sql.exec('INSERT INTO media VALUES (?, ?, ?, ?)', id, creatorId, title, published);
  }

  findMedia(id: string): MediaRow | null {
    return first(this.#sql.exec<MediaRow>('SELECT * FROM media WHERE id = ?', id));
  }

  listMedia(creatorId: string): MediaRow[] {
    return this.#sql.exec<MediaRow>('SELECT * FROM media WHERE creatorId = ? ORDER BY title', creatorId).toArray();
  }

  publishMedia(id: string): void {
    this.#sql.exec('UPDATE media SET published = 1 WHERE id = ?', id);
  }

  deleteMedia(creatorId: string): number {
    return this.#sql.exec('DELETE FROM media WHERE creatorId = ? RETURNING id', creatorId).toArray().length;
  }
}

function first<Row extends Record<string, SqlStorageValue>>(cursor: SqlStorageCursor<Row>): Row | null {
  return cursor.toArray()[0] ?? null;
}
