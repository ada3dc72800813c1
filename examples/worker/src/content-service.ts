import { CACHE_CLIENT, Cached, Injectable, R2_CLIENT } from '@codex/cloudflare-clients';
import type { CacheClient, R2Client } from '@codex/cloudflare-clients';
import type { Database, MediaRow } from './database.js';
import { DATABASE, MEDIA_BUCKET } from './tokens.js';

/** A file of a media item; the key says what it is. */
export interface MediaFile {
  key: string;
  size: number;
}

/** A media item as a listing shows it. */
export interface MediaItem {
  id: string;
  creatorId: string;
  title: string;
  files: MediaFile[];
}

/** What the keys of `ContentService.list` begin with. */
export const LIST_KEYS = 'cache:ContentService.list:';
const ITEM_NAME = 'media-item';

/** Reads of the catalogue: each costs a query and a listing of the bucket, so both are cached. */
@Injectable(DATABASE, R2_CLIENT, MEDIA_BUCKET, CACHE_CLIENT)
export class ContentService {
  constructor(
    private readonly database: Database,
    private readonly r2: R2Client,
    private readonly bucket: string,
    private readonly cacheClient: CacheClient,
  ) {}

  /** The published media of a creator; the cache is the one of the request scope that built this service. */
  @Cached(300)
  async list(creatorId: string): Promise<MediaItem[]> {
    const rows = await this.database.listMedia(creatorId);
    const files = await this.r2.listFiles({ bucket: this.bucket, prefix: `${creatorId}/` });
    return rows.filter((row) => row.published === 1).map((row) => toItem(row, files));
  }

  /** One item, or `null`; its key is given, so that it can be forgotten singly. */
  @Cached({ ttl: 60, name: ITEM_NAME, key: (mediaId) => mediaId })
  async find(mediaId: string): Promise<MediaItem | null> {
    const row = await this.database.findMedia(mediaId);
    if (row === null) return null;
    return toItem(row, await this.r2.listFiles({ bucket: this.bucket, prefix: `${row.creatorId}/` }));
  }

  /** After a change: the next reader sees it. The database has it already. */
  async forget(mediaIds: readonly string[]): Promise<void> {
    await this.cacheClient.deleteMany(mediaIds.map((id) => `cache:${ITEM_NAME}:${id}`));
    await this.cacheClient.deletePrefix(LIST_KEYS);
  }
}

function toItem({ id, creatorId, title }: MediaRow, files: readonly MediaFile[]): MediaItem {
  const own = files.filter(({ key }) => key.split('/')[2] === id);
  return { id, creatorId, title, files: own.map(({ key, size }) => ({ key, size })) };
}
