import { Cached, cachePrefix, Injectable } from '@codex/cloudflare-clients';
import { RequestEvents } from '../events/request-events.js';
import type { CachedList, MediaCard } from '$lib/shapes.js';
import { MediaTable, toCard } from '../data/media-table.js';

const OWN = 'app-media-own';
const PUBLISHED = 'app-media-published';

/** The tag of every cached answer that shows a creator's media; the media Worker has the same. */
export const creatorTag = (creatorId: string): string => `creator:${creatorId}`;
/** The tag of what shows published media. */
export const PUBLISHED_TAG = 'published';

/** Lists of media. Each costs a query, so they are cached: those of a creator under a key of theirs, which is their `scope`. */
@Injectable(MediaTable, RequestEvents)
export class ContentService {
  constructor(
    private readonly media: MediaTable,
    private readonly events: RequestEvents,
  ) {}

  /** All of a creator, for the creator alone. */
  async own(creatorId: string): Promise<CachedList> {
    const items = await this.listOwn(creatorId);
    return { items, cache: this.events.badge(cachePrefix(OWN)) };
  }

  /** What is published, for everybody. */
  async published(): Promise<CachedList> {
    const items = await this.listPublished();
    return { items, cache: this.events.badge(cachePrefix(PUBLISHED)) };
  }

  /** Short, as the media Worker moves the status along; its own changes drop the tag. */
  @Cached({
    ttl: 30,
    name: OWN,
    key: () => 'all',
    scope: (creatorId) => creatorId,
    tags: (creatorId) => [creatorTag(creatorId)],
    staleIfError: 3600,
  })
  protected async listOwn(creatorId: string): Promise<MediaCard[]> {
    return (await this.media.listOf(creatorId)).map(toCard);
  }

  @Cached({
    ttl: 300,
    name: PUBLISHED,
    tags: [PUBLISHED_TAG],
    tagsOf: creatorTags,
    staleWhileRevalidate: 600,
    staleIfError: 86_400,
  })
  protected async listPublished(): Promise<MediaCard[]> {
    return (await this.media.listPublished()).map(toCard);
  }
}

/** What the media Worker changes of anybody's shows here, too. */
function creatorTags(items: readonly MediaCard[]): string[] {
  return [...new Set(items.map(({ creatorId }) => creatorTag(creatorId)))];
}
