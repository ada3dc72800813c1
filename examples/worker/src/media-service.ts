import {
  CacheEvict,
  COUNTER_CLIENT,
  Injectable,
  isCloudflareClientError,
  mediaKeys,
  parseMediaKey,
  R2_CLIENT,
} from '@codex/cloudflare-clients';
import type {
  CounterClient,
  R2Client,
  R2DeletePrefixResult,
  R2SignedUpload,
  R2UploadResult,
} from '@codex/cloudflare-clients';
import { ContentService, creatorTag } from './content-service.js';
import type { Database, Media } from './database.js';
import { HttpError } from './http-error.js';
import { DATABASE, MEDIA_BUCKET } from './tokens.js';
import { TranscodingService } from './transcoding-service.js';

const LINK_SECONDS = 600;
const UPLOAD_SECONDS = 900;
const MAX_UPLOAD_BYTES = 50_000_000;
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
@Injectable(DATABASE, R2_CLIENT, MEDIA_BUCKET, ContentService, COUNTER_CLIENT, TranscodingService)
export class MediaService {
  constructor(
    private readonly database: Database,
    private readonly r2: R2Client,
    private readonly bucket: string,
    private readonly content: ContentService,
    private readonly counters: CounterClient,
    private readonly transcoding: TranscodingService,
  ) {}

  async create(creatorId: string, title: string): Promise<Pick<Media, 'id' | 'creatorId' | 'title'>> {
    const media = { id: crypto.randomUUID(), creatorId, title };
    await this.database.addMedia(media);
    return media;
  }

  /** Streams a file through to the bucket; it is never held in memory as a whole. */
  async upload(creatorId: string, mediaId: string, upload: Upload): Promise<R2UploadResult> {
    await this.findOwn(creatorId, mediaId);
    const { body, contentLength } = upload;
    const key = keyOf(creatorId, mediaId, upload);
    return this.r2.uploadFile({ bucket: this.bucket, key, body, contentLength });
  }

  /** Lets the browser put the original straight into the bucket: of this size and type, once, within 15 minutes. */
  async signUpload(creatorId: string, mediaId: string, file: { name: string; size: number }): Promise<R2SignedUpload> {
    await this.findOwn(creatorId, mediaId);
    if (!(file.size > 0 && file.size <= MAX_UPLOAD_BYTES)) throw new HttpError(413, 'A file may have 50 MB.');
    const key = keyOf(creatorId, mediaId, { folder: 'originals', path: file.name });
    const contentType = parseMediaKey(key)?.contentType ?? '';
    if (!contentType.startsWith('video/')) throw new HttpError(415, 'Please choose a video: MP4, WebM or MOV.');
    return this.r2.getSignedUploadUrl({
      bucket: this.bucket,
      key,
      contentLength: file.size,
      contentType,
      writeOnce: true,
      expiresIn: UPLOAD_SECONDS,
    });
  }

  /**
   * Makes an item visible; what is cached of the creator is invalidated once the database has it.
   *
   * @returns whether this call did it: of many clicks at once, one.
   */
  @CacheEvict({ tags: (creatorId) => [creatorTag(creatorId)] })
  async publish(creatorId: string, mediaId: string): Promise<boolean> {
    await this.findOwn(creatorId, mediaId);
    const { replayed } = await this.counters.once(`publish:${mediaId}`, async () => {
      await this.database.publishMedia(mediaId);
      return null;
    });
    return !replayed;
  }

  /** A link to the original, good for ten minutes. */
  async link(userId: string, mediaId: string): Promise<SignedLink> {
    const media = await this.content.findFor(userId, mediaId);
    const original = media?.files.find(({ key }) => parseMediaKey(key)?.kind === 'original');
    if (original === undefined) throw new HttpError(404, 'There is no such media.');
    const url = await this.r2.getSignedUrl({ bucket: this.bucket, key: original.key, expiresIn: LINK_SECONDS });
    return { url, expiresAt: new Date(Date.now() + LINK_SECONDS * 1000).toISOString() };
  }

  /** Deletes everything that a creator has: the rows, the files, and what the cache remembers of them. */
  @CacheEvict({ tags: (creatorId) => [creatorTag(creatorId)] })
  async purge(creatorId: string): Promise<R2DeletePrefixResult> {
    const media = await this.database.listMedia(creatorId);
    await this.database.deleteMedia(creatorId);
    await this.transcoding.forget(media.map(({ id }) => id));
    return this.r2.deletePrefix({ bucket: this.bucket, prefix: mediaKeys(creatorId).prefix });
  }

  private async findOwn(creatorId: string, mediaId: string): Promise<void> {
    const media = await this.database.findMedia(mediaId);
    if (media?.creatorId !== creatorId) throw new HttpError(404, 'You have no such media.');
  }
}

/** The key of a file; a name that would leave its folder is the visitor's mistake. */
function keyOf(creatorId: string, mediaId: string, { folder, path }: Pick<Upload, 'folder' | 'path'>): string {
  const keys = mediaKeys(creatorId);
  try {
    if (folder === 'originals') return keys.original(mediaId, path);
    if (folder === 'hls') return keys.hlsFile(mediaId, path);
    if (folder === 'audio') return keys.audio(mediaId, path);
    if (folder === 'temp') return `${TEMPORARY_PREFIX}${keys.hlsFile(mediaId, path)}`;
  } catch (error) {
    if (!isCloudflareClientError(error, 'INVALID_KEY')) throw error;
    throw new HttpError(400, 'A file cannot have this name.');
  }
  throw new HttpError(400, `There is no folder "${folder}".`);
}
