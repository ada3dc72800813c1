import { Injectable } from '@codex/cloudflare-clients';
import type { CachedSession } from '@codex/cloudflare-clients';
import { DATABASE } from './database.js';

/** A session: the token itself is in the visitor's cookie alone. */
export interface SessionRow {
  readonly id: string;
  readonly userId: string;
  readonly tokenHash: string;
  readonly userAgent: string;
  readonly createdAt: string;
  readonly expiresAt: string;
}

interface JoinedRow extends Omit<SessionRow, 'tokenHash'> {
  readonly email: string;
  readonly name: string;
  readonly role: CachedSession['user']['role'];
}

/** The table `sessions`, which owns them; the session cache stands in front of it. */
@Injectable(DATABASE)
export class SessionTable {
  constructor(private readonly database: D1Database) {}

  async add({ id, userId, tokenHash, userAgent, createdAt, expiresAt }: SessionRow): Promise<void> {
    await this.database
      .prepare(
        'INSERT INTO sessions (id, user_id, token_hash, user_agent, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .bind(id, userId, tokenHash, userAgent, createdAt, expiresAt)
      .run();
  }

  /** The session of a token and its user; `null` when there is none, or it has expired. */
  async find(tokenHash: string, token: string): Promise<CachedSession | null> {
    const row = await this.database
      .prepare(
        `SELECT s.id, s.user_id AS userId, s.user_agent AS userAgent, s.created_at AS createdAt, s.expires_at AS expiresAt,
           u.email, u.name, u.role
         FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = ? AND s.expires_at > ?`,
      )
      .bind(tokenHash, new Date().toISOString())
      .first<JoinedRow>();
    if (row === null) return null;
    const { id, userId, userAgent, createdAt, expiresAt, email, name, role } = row;
    return {
      session: { id, userId, token, createdAt, expiresAt, ...(userAgent && { userAgent }) },
      user: { id: userId, email, name, role, emailVerified: false },
    };
  }

  /** The sessions of a user that have not expired, the newest first. */
  async listFor(userId: string): Promise<SessionRow[]> {
    const { results } = await this.database
      .prepare(
        `SELECT id, user_id AS userId, token_hash AS tokenHash, COALESCE(user_agent, '') AS userAgent,
           created_at AS createdAt, expires_at AS expiresAt
         FROM sessions WHERE user_id = ? AND expires_at > ? ORDER BY created_at DESC LIMIT 100`,
      )
      .bind(userId, new Date().toISOString())
      .all<SessionRow>();
    return results;
  }

  async removeByToken(tokenHash: string): Promise<void> {
    await this.database.prepare('DELETE FROM sessions WHERE token_hash = ?').bind(tokenHash).run();
  }

  /** Whether the user had such a session. */
  async remove(userId: string, id: string): Promise<boolean> {
    const { meta } = await this.database
      .prepare('DELETE FROM sessions WHERE user_id = ? AND id = ?')
      .bind(userId, id)
      .run();
    return meta.changes > 0;
  }

  /** How many sessions the user had. */
  async removeAllOf(userId: string): Promise<number> {
    const { meta } = await this.database.prepare('DELETE FROM sessions WHERE user_id = ?').bind(userId).run();
    return meta.changes;
  }
}
