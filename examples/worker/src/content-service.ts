import { Cached, cachePrefix, Injectable, R2_CLIENT } from '@codex/cloudflare-clients';
import type { R2Client } from '@codex/cloudflare-clients';
import type { Database, Media, MediaStatus } from './database.js';
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
  status: MediaStatus;
  isPublished: boolean;
  files: MediaFile[];
}

const LIST_NAME = 'media-list';
/** What the keys of `ContentService.list` begin with. */
export const LIST_KEYS = cachePrefix(LIST_NAME);

/** The tag of every cached answer that shows a creator's media: what changes them invalidates it. */
export const creatorTag = (creatorId: string): string => `creator:${creatorId}`;

/** Reads of the catalogue: each costs a query and a listing of the bucket, so both are cached. */
@Injectable(DATABASE, R2_CLIENT, MEDIA_BUCKET)
export class ContentService {
  constructor(
    private readonly database: Database,
    private readonly r2: R2Client,
    private readonly bucket: string,
  ) {}

  /** The published media of a creator; the cache is the one of the request scope that built this service. */
  @Cached({
    ttl: 300,
    name: LIST_NAME,
    tags: (creatorId) => [creatorTag(creatorId)],
    staleWhileRevalidate: 600,
    staleIfError: 86_400,
  })
  async list(creatorId: string): Promise<MediaItem[]> {
    const rows = await this.database.listMedia(creatorId);
    const files = await this.r2.listFiles({ bucket: this.bucket, prefix: `${creatorId}/` });
    return rows.filter((row) => row.publishedAt !== null).map((row) => toItem(row, files));
  }

  /** One item as this user may see it: while it is not published its creator alone. */
  async findFor(userId: string, mediaId: string): Promise<MediaItem | null> {
    const item = await this.find(mediaId);
    return item !== null && (item.isPublished || item.creatorId === userId) ? item : null;
  }

  /** One item, or `null`, which is looked for again soon. */
  @Cached({
    ttl: 60,
    name: 'media-item',
    key: (mediaId) => mediaId,
    negativeTtlSeconds: 5,
    tagsOf: (item: MediaItem | null) => (item === null ? [] : [creatorTag(item.creatorId)]),
  })
  async find(mediaId: string): Promise<MediaItem | null> {
    const row = await this.database.findMedia(mediaId);
    if (row === null) return null;
    return toItem(row, await this.r2.listFiles({ bucket: this.bucket, prefix: `${row.creatorId}/` }));
  }
}

function toItem({ id, creatorId, title, status, publishedAt }: Media, files: readonly MediaFile[]): MediaItem {
  const own = files.filter(({ key }) => key.split('/')[2] === id);
  const isPublished = publishedAt !== null;
  return { id, creatorId, title, status, isPublished, files: own.map(({ key, size }) => ({ key, size })) };
}
