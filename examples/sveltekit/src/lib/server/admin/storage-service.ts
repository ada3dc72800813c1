import { Cached, cachePrefix, Injectable, Locked, parseMediaKey, R2_CLIENT } from '@codex/cloudflare-clients';
import type { MediaKind, R2Client } from '@codex/cloudflare-clients';
import type { CacheBadge, CreatorStorage } from '$lib/shapes.js';
import { UserTable } from '../data/user-table.js';
import { RequestEvents } from '../events/request-events.js';
import { MEDIA_BUCKET } from '../media/tokens.js';

const NAME = 'app-storage';
type Sizes = Record<'objects' | 'originalBytes' | 'hlsBytes' | 'otherBytes', number>;

/** What is in the bucket, by creator: a walk over all of it, so it is cached, and one isolate walks at a time. */
@Injectable(R2_CLIENT, MEDIA_BUCKET, UserTable, RequestEvents)
export class StorageService {
  constructor(
    private readonly r2: R2Client,
    private readonly bucket: string,
    private readonly users: UserTable,
    private readonly events: RequestEvents,
  ) {}

  /** The largest first. */
  async byCreator(): Promise<{ storage: CreatorStorage[]; cache: CacheBadge }> {
    const storage = await this.measure();
    return { storage, cache: this.events.badge(cachePrefix(NAME)) };
  }

  @Cached({ ttl: 60, name: NAME, staleWhileRevalidate: 600, staleIfError: 86_400 })
  @Locked({ name: () => 'storage-walk', ttlMs: 30_000, timeoutMs: 20_000 })
  protected async measure(): Promise<CreatorStorage[]> {
    const byCreator = new Map<string, Sizes>();
    for await (const { key, size } of this.r2.iterateFiles({ bucket: this.bucket })) {
      const media = parseMediaKey(key);
      if (media === null) continue;
      const sizes = byCreator.get(media.creatorId) ?? { objects: 0, originalBytes: 0, hlsBytes: 0, otherBytes: 0 };
      sizes.objects += 1;
      sizes[columnOf(media.kind)] += size;
      byCreator.set(media.creatorId, sizes);
    }
    const names = await this.users.creatorNames();
    return [...byCreator]
      .map(([creatorId, sizes]) => ({ creatorId, creatorName: names.get(creatorId) ?? 'A former creator', ...sizes }))
      .sort((left, right) => bytesOf(right) - bytesOf(left));
  }
}

function columnOf(kind: MediaKind): 'originalBytes' | 'hlsBytes' | 'otherBytes' {
  if (kind === 'original') return 'originalBytes';
  return kind === 'hls' ? 'hlsBytes' : 'otherBytes';
}

function bytesOf({ originalBytes, hlsBytes, otherBytes }: CreatorStorage): number {
  return originalBytes + hlsBytes + otherBytes;
}
