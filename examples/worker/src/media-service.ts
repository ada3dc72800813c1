import { CacheEvict, Injectable, R2_CLIENT } from '@codex/cloudflare-clients';
import type { R2Client, R2DeletePrefixResult, R2UploadResult } from '@codex/cloudflare-clients';
import { ContentService, creatorTag } from './content-service.js';
import type { Database, MediaRow } from './database.js';
import { HttpError } from './http-error.js';
import { DATABASE, MEDIA_BUCKET } from './tokens.js';

const LINK_SECONDS = 600;
const FOLDERS: readonly string[] = ['originals', 'hls', 'audio'];
/** Files under it are remade on demand; the nightly run deletes them. */
export const TEMPORARY_PREFIX = 'temp/';

/** A file that comes in. */
export interface Upload {
  readonly folder: string;
  readonly path: string;
  readonly body: ReadableStream;
  readonly contentLength: number | undefined;
}

/** A link that anyone who has it can open until it expires. */
export interface SignedLink {
  readonly url: string;
  readonly expiresAt: string;
}

/** Media items and their files, under the seed's layout `{creatorId}/{folder}/{mediaId}/{path}`. */
@Injectable(DATABASE, R2_CLIENT, MEDIA_BUCKET, ContentService)
export class MediaService {
  constructor(
    private readonly database: Database,
    private readonly r2: R2Client,
    private readonly bucket: string,
    private readonly content: ContentService,
  ) {}

  async create(creatorId: string, title: string): Promise<MediaRow> {
    const media = { id: crypto.randomUUID(), creatorId, title, published: 0 };
    await this.database.addMedia(media);
    return media;
  }

  /** Streams a file through to the bucket; it is never held in memory as a whole. */
  async upload(creatorId: string, mediaId: string, upload: Upload): Promise<R2UploadResult> {
    await this.findOwn(creatorId, mediaId);
    const { folder, path, body, contentLength } = upload;
    if (folder !== 'temp' && !FOLDERS.includes(folder)) throw new HttpError(400, `There is no folder "${folder}".`);
    const key =
      folder === 'temp'
        ? `${TEMPORARY_PREFIX}${creatorId}/${mediaId}/${path}`
        : `${creatorId}/${folder}/${mediaId}/${path}`;
    return this.r2.uploadFile({ bucket: this.bucket, key, body, contentLength });
  }

  /** Makes an item visible; what is cached of the creator is invalidated once the database has it. */
  @CacheEvict({ tags: (creatorId) => [creatorTag(creatorId)] })
  async publish(creatorId: string, mediaId: string): Promise<void> {
    await this.findOwn(creatorId, mediaId);
    await this.database.publishMedia(mediaId);
  }

  /** A link to the original, good for ten minutes. */
  async link(mediaId: string): Promise<SignedLink> {
    const media = await this.content.find(mediaId);
    const original = media?.files.find(({ key }) => key.split('/')[1] === 'originals');
    if (original === undefined) throw new HttpError(404, 'There is no such media.');
    const url = await this.r2.getSignedUrl({ bucket: this.bucket, key: original.key, expiresIn: LINK_SECONDS });
    return { url, expiresAt: new Date(Date.now() + LINK_SECONDS * 1000).toISOString() };
  }

  /** Deletes everything that a creator has: the rows, the files, and what the cache remembers of them. */
  @CacheEvict({ tags: (creatorId) => [creatorTag(creatorId)] })
  async purge(creatorId: string): Promise<R2DeletePrefixResult> {
    await this.database.deleteMedia(creatorId);
    return this.r2.deletePrefix({ bucket: this.bucket, prefix: `${creatorId}/` });
  }

  private async findOwn(creatorId: string, mediaId: string): Promise<void> {
    const media = await this.database.findMedia(mediaId);
    if (media?.creatorId !== creatorId) throw new HttpError(404, 'You have no such media.');
  }
}
