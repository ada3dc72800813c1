import { Injectable } from '@codex/cloudflare-clients';
import type { SessionUser } from '$lib/shapes.js';
import { DATABASE } from './database.js';

/** A user, as signing in needs it. */
export interface UserRow extends SessionUser {
  readonly passwordHash: string;
}

/** The table `users`. */
@Injectable(DATABASE)
export class UserTable {
  constructor(private readonly database: D1Database) {}

  /** `false` when the address is taken. */
  async add({ id, email, name, role, passwordHash }: UserRow): Promise<boolean> {
    const { meta } = await this.database
      .prepare(
        'INSERT INTO users (id, email, name, role, password_hash, created_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (email) DO NOTHING',
      )
      .bind(id, email, name, role, passwordHash, new Date().toISOString())
      .run();
    return meta.changes === 1;
  }

  async findByEmail(email: string): Promise<UserRow | null> {
    return this.database
      .prepare('SELECT id, email, name, role, password_hash AS passwordHash FROM users WHERE email = ?')
      .bind(email)
      .first<UserRow>();
  }

  /** Names by id, of all who have any media. */
  async creatorNames(): Promise<Map<string, string>> {
    const { results } = await this.database
      .prepare('SELECT id, name FROM users WHERE id IN (SELECT creator_id FROM media)')
      .all<{ id: string; name: string }>();
    return new Map(results.map(({ id, name }) => [id, name]));
  }
}
