import type { Database, Media, MediaStatus, NewSession, StoredSession, User } from './database.js';

const SESSION = `SELECT sessions.id, user_id AS userId, expires_at AS expiresAt, email, name, role
  FROM sessions JOIN users ON users.id = user_id WHERE token_hash = ?1 AND expires_at > ?2`;
const MEDIA = `SELECT id, creator_id AS creatorId, title, status, original_key AS originalKey, published_at AS publishedAt FROM media`;

interface SessionRow {
  readonly id: string;
  readonly userId: string;
  readonly expiresAt: string;
  readonly email: string;
  readonly name: string;
  readonly role: StoredSession['user']['role'];
}

/** The database in D1: the tables of migrations/. */
export class D1AppDatabase implements Database {
  readonly #d1: D1Database;
  readonly #now: () => Date;

  /** @param now the clock; `new Date()` unless told. */
  constructor(d1: D1Database, now: () => Date = () => new Date()) {
    this.#d1 = d1;
    this.#now = now;
  }

  async addUser({ id, email, name, passwordHash }: User): Promise<boolean> {
    const insert = `INSERT INTO users (id, email, name, password_hash, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (email) DO NOTHING`;
    const { meta } = await this.#run(insert, id, email, name, passwordHash, this.#time());
    return meta.changes > 0;
  }

  async findUser(email: string): Promise<User | null> {
    return this.#first<User>('SELECT id, email, name, password_hash AS passwordHash FROM users WHERE email = ?', email);
  }

  async addSession({ id, userId, tokenHash, expiresAt }: NewSession): Promise<StoredSession | null> {
    const insert = 'INSERT INTO sessions (id, user_id, token_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?)';
    const [, read] = await this.#d1.batch<SessionRow>([
      this.#d1.prepare(insert).bind(id, userId, tokenHash, this.#time(), expiresAt),
      this.#d1.prepare(SESSION).bind(tokenHash, this.#time()),
    ]);
    return toSession(read?.results[0] ?? null);
  }

  async findSession(tokenHash: string): Promise<StoredSession | null> {
    return toSession(await this.#first<SessionRow>(SESSION, tokenHash, this.#time()));
  }

  async deleteSession(tokenHash: string): Promise<string | null> {
    const sql = 'DELETE FROM sessions WHERE token_hash = ? RETURNING user_id AS userId';
    return (await this.#first<{ userId: string }>(sql, tokenHash))?.userId ?? null;
  }

  async deleteSessionsOf(userId: string): Promise<number> {
    return (await this.#run('DELETE FROM sessions WHERE user_id = ?', userId)).meta.changes;
  }

  async deleteExpiredSessions(now: string): Promise<number> {
    return (await this.#run('DELETE FROM sessions WHERE expires_at <= ?', now)).meta.changes;
  }

  async addMedia({ id, creatorId, title }: Pick<Media, 'id' | 'creatorId' | 'title'>): Promise<void> {
    const insert = 'INSERT INTO media (id, creator_id, title, created_at) VALUES (?, ?, ?, ?)';
    await this.#run(insert, id, creatorId, title, this.#time());
  }

  async findMedia(id: string): Promise<Media | null> {
    return this.#first<Media>(`${MEDIA} WHERE id = ?`, id);
  }

  async listMedia(creatorId: string): Promise<Media[]> {
    const { results } = await this.#run<Media>(`${MEDIA} WHERE creator_id = ? ORDER BY title, id`, creatorId);
    return results;
  }

  async publishMedia(id: string): Promise<void> {
    await this.#run('UPDATE media SET published_at = coalesce(published_at, ?) WHERE id = ?', this.#time(), id);
  }

  async deleteMedia(creatorId: string): Promise<number> {
    return (await this.#run('DELETE FROM media WHERE creator_id = ?', creatorId)).meta.changes;
  }

  async noteOriginal(id: string, { key, bytes }: { readonly key: string; readonly bytes: number }): Promise<void> {
    const update = `UPDATE media SET status = 'uploaded', original_key = ?, original_bytes = ? WHERE id = ?`;
    await this.#run(update, key, bytes, id);
  }

  async setStatus(id: string, status: MediaStatus): Promise<void> {
    await this.#run('UPDATE media SET status = ? WHERE id = ?', status, id);
  }

  #run<Row>(sql: string, ...values: (string | number)[]): Promise<D1Result<Row>> {
    return this.#d1
      .prepare(sql)
      .bind(...values)
      .run<Row>();
  }

  #first<Row>(sql: string, ...values: (string | number)[]): Promise<Row | null> {
    return this.#d1
      .prepare(sql)
      .bind(...values)
      .first<Row>();
  }

  #time(): string {
    return this.#now().toISOString();
  }
}

function toSession(row: SessionRow | null): StoredSession | null {
  if (row === null) return null;
  const { id, userId, expiresAt, email, name, role } = row;
  return { session: { id, userId, expiresAt }, user: { id: userId, email, name, role, emailVerified: true } };
}
