import { CacheEvict, Injectable, Locked, mediaKeys, R2_CLIENT } from '@codex/cloudflare-clients';
import type { R2Client } from '@codex/cloudflare-clients';
import type { MediaCard } from '$lib/shapes.js';
import { MediaTable, toCard } from '../data/media-table.js';
import type { MediaRow } from '../data/media-table.js';
import { plainLine } from '../http/plain-line.js';
import { Refusal } from '../refusal.js';
import { creatorTag, PUBLISHED_TAG } from './content-service.js';
import { MEDIA_BUCKET } from './tokens.js';

const MAX_TITLE = 120;
const LOCK = { ttlMs: 30_000, timeoutMs: 10_000 };

/** What a creator does with media of their own. What the caches show of it is dropped once the database has it. */
@Injectable(MediaTable, R2_CLIENT, MEDIA_BUCKET)
export class MediaService {
  constructor(
    private readonly media: MediaTable,
    private readonly r2: R2Client,
    private readonly bucket: string,
  ) {}

  /** Makes a draft: uploads need one. */
  @CacheEvict({ tags: (creatorId) => [creatorTag(creatorId)] })
  async create(creatorId: string, title: string): Promise<MediaCard> {
    const id = crypto.randomUUID();
    await this.media.add(id, creatorId, checkTitle(title));
    return this.#card(id);
  }

  /** One of the creator's own. @throws {Refusal} 404, also for what is another's. */
  async own(creatorId: string, id: string): Promise<MediaRow> {
    const row = await this.media.find(id);
    if (row?.creatorId !== creatorId) throw new Refusal(404, 'You have no such media.');
    return row;
  }

  /** What a visitor may see: what is published, and their own. @throws {Refusal} 404 for all else. */
  async visible(visitorId: string, id: string): Promise<MediaRow> {
    const row = await this.media.find(id);
    if (row === null || (row.publishedAt === null && row.creatorId !== visitorId)) {
      throw new Refusal(404, 'There is no such film, or it is not published.');
    }
    return row;
  }

  @CacheEvict({ tags: (creatorId) => [creatorTag(creatorId), PUBLISHED_TAG] })
  async rename(creatorId: string, id: string, title: string): Promise<MediaCard> {
    await this.own(creatorId, id);
    await this.media.rename(creatorId, id, checkTitle(title));
    return this.#card(id);
  }

  /** Shows it to everybody. @throws {Refusal} 404; 409 for a draft. */
  @CacheEvict({ tags: (creatorId) => [creatorTag(creatorId), PUBLISHED_TAG] })
  async publish(creatorId: string, id: string): Promise<MediaCard> {
    const { status, publishedAt } = await this.own(creatorId, id);
    if (status === 'draft') throw new Refusal(409, 'There is no film in it yet: upload one first.');
    if (publishedAt === null) await this.media.setPublished(creatorId, id, new Date().toISOString());
    return this.#card(id);
  }

  @CacheEvict({ tags: (creatorId) => [creatorTag(creatorId), PUBLISHED_TAG] })
  async unpublish(creatorId: string, id: string): Promise<MediaCard> {
    await this.own(creatorId, id);
    await this.media.setPublished(creatorId, id, null);
    return this.#card(id);
  }

  /**
   * Deletes the row and all objects of an item; one removal of an item runs at a time. Says how many objects there were.
   *
   * @throws {Refusal} 404; 503 when some objects are left: the row is too, and it can be tried again.
   */
  @Locked({ ...LOCK, name: (_creatorId, id) => `media:${id}` })
  @CacheEvict({ tags: (creatorId) => [creatorTag(creatorId), PUBLISHED_TAG] })
  async remove(creatorId: string, id: string): Promise<number> {
    await this.own(creatorId, id);
    await this.media.setPublished(creatorId, id, null);
    let deleted = 0;
    for (const prefix of mediaKeys(creatorId).mediaPrefixes(id)) {
      const report = await this.r2.deletePrefix({ bucket: this.bucket, prefix });
      deleted += report.deleted;
      if (report.failed.length > 0) throw new Refusal(503, 'Some files could not be deleted. Please try again.');
    }
    await this.media.remove(creatorId, id);
    return deleted;
  }

  async #card(id: string): Promise<MediaCard> {
    const row = await this.media.find(id);
    if (row === null) throw new Refusal(404, 'It was deleted meanwhile.');
    return toCard(row);
  }
}

function checkTitle(title: string): string {
  const line = plainLine(title);
  if (line !== '' && line.length <= MAX_TITLE) return line;
  throw new Refusal(400, `Please give a title of at most ${MAX_TITLE} characters.`);
}
