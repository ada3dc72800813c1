import { Injectable } from '@codex/cloudflare-clients';
import type { MediaCard } from '$lib/shapes.js';
import { DATABASE } from './database.js';

/** A media item, and where its original is. */
export interface MediaRow extends MediaCard {
  readonly originalKey: string | null;
}

const SELECT = `SELECT m.id, m.title, m.creator_id AS creatorId, u.name AS creatorName, m.status, m.original_key AS originalKey,
  m.original_bytes AS bytes, m.created_at AS createdAt, m.published_at AS publishedAt
  FROM media m JOIN users u ON u.id = m.creator_id`;
const LIST_LIMIT = 100;

/** The table `media`. Changes name the creator as well, so that nobody changes what is another's. */
@Injectable(DATABASE)
export class MediaTable {
  constructor(private readonly database: D1Database) {}

  async add(id: string, creatorId: string, title: string): Promise<void> {
    await this.database
      .prepare('INSERT INTO media (id, creator_id, title, created_at) VALUES (?, ?, ?, ?)')
      .bind(id, creatorId, title, new Date().toISOString())
      .run();
  }

  async find(id: string): Promise<MediaRow | null> {
    return this.database.prepare(`${SELECT} WHERE m.id = ?`).bind(id).first<MediaRow>();
  }

  /** All of a creator, the newest first. */
  async listOf(creatorId: string): Promise<MediaRow[]> {
    return this.#list('WHERE m.creator_id = ? ORDER BY m.created_at DESC', creatorId);
  }

  /** What is published, the newest first. */
  async listPublished(): Promise<MediaRow[]> {
    return this.#list('WHERE m.published_at IS NOT NULL ORDER BY m.published_at DESC');
  }

  async rename(creatorId: string, id: string, title: string): Promise<void> {
    await this.#change('UPDATE media SET title = ? WHERE id = ? AND creator_id = ?', title, id, creatorId);
  }

  /** `null` takes it back. */
  async setPublished(creatorId: string, id: string, publishedAt: string | null): Promise<void> {
    await this.#change('UPDATE media SET published_at = ? WHERE id = ? AND creator_id = ?', publishedAt, id, creatorId);
  }

  /** Notes where the original of a draft is. */
  async setUploaded(creatorId: string, id: string, { key, bytes }: { key: string; bytes: number }): Promise<void> {
    await this.#change(
      `UPDATE media SET status = 'uploaded', original_key = ?, original_bytes = ? WHERE id = ? AND creator_id = ? AND status = 'draft'`,
      key,
      bytes,
      id,
      creatorId,
    );
  }

  async remove(creatorId: string, id: string): Promise<void> {
    await this.#change('DELETE FROM media WHERE id = ? AND creator_id = ?', id, creatorId);
  }

  async #list(rest: string, ...values: unknown[]): Promise<MediaRow[]> {
    const { results } = await this.database
      .prepare(`${SELECT} ${rest} LIMIT ${LIST_LIMIT}`)
      .bind(...values)
      .all<MediaRow>();
    return results;
  }

  async #change(statement: string, ...values: unknown[]): Promise<void> {
    await this.database
      .prepare(statement)
      .bind(...values)
      .run();
  }
}

/** What lists and pages show of a row: not where the original is. */
export function toCard({
  id,
  title,
  creatorId,
  creatorName,
  status,
  bytes,
  createdAt,
  publishedAt,
}: MediaRow): MediaCard {
  return { id, title, creatorId, creatorName, status, bytes, createdAt, publishedAt };
}
