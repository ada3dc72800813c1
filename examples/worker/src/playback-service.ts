import {
  EXECUTION_CONTEXT,
  Injectable,
  mediaKeys,
  parseMediaKey,
  R2_CLIENT,
  servePrivateHls,
} from '@codex/cloudflare-clients';
import type { ExecutionContextLike, HlsTokens, R2Client } from '@codex/cloudflare-clients';
import { ContentService } from './content-service.js';
import type { MediaItem } from './content-service.js';
import { HttpError } from './http-error.js';
import { logFailure } from './log.js';
import { HLS_TOKENS, MEDIA_BUCKET } from './tokens.js';

/** Long enough to pause and come back; rounded, so that a viewer who loads the page again finds the segments in the browser's cache. */
const PLAYBACK_SECONDS = 6 * 3600;
const ROUND_SECONDS = 300;

/** What is played, and until when. */
export interface Playback {
  readonly kind: 'hls' | 'original';
  readonly url: string;
  readonly expiresAt: string;
}

/** Private HLS: a path for each viewer, and the gate behind it. */
@Injectable(R2_CLIENT, MEDIA_BUCKET, HLS_TOKENS, ContentService, EXECUTION_CONTEXT)
export class PlaybackService {
  constructor(
    private readonly r2: R2Client,
    private readonly bucket: string,
    private readonly tokens: HlsTokens,
    private readonly content: ContentService,
    private readonly context: ExecutionContextLike,
  ) {}

  /** The address of an item's playlist, good for its folder alone; while it has none, of its original. */
  async start(userId: string, mediaId: string): Promise<Playback> {
    const media = await this.content.findFor(userId, mediaId);
    if (media === null) throw new HttpError(404, 'There is no such film.');
    const master = mediaKeys(media.creatorId).hlsMaster(mediaId);
    if (!media.files.some(({ key }) => key === master)) return this.original(media);
    const { path, expiresAt } = this.tokens.signPath({
      key: master,
      expiresIn: PLAYBACK_SECONDS,
      roundExpiry: ROUND_SECONDS,
    });
    return { kind: 'hls', url: path, expiresAt: expiresAt.toISOString() };
  }

  /** While there is no HLS: the file as it was uploaded, by a link that is signed for as long. */
  private async original({ files }: MediaItem): Promise<Playback> {
    const original = files.find(({ key }) => parseMediaKey(key)?.kind === 'original');
    if (original === undefined) throw new HttpError(404, 'There is no such film.');
    const url = await this.r2.getSignedUrl({ bucket: this.bucket, key: original.key, expiresIn: PLAYBACK_SECONDS });
    return { kind: 'original', url, expiresAt: new Date(Date.now() + PLAYBACK_SECONDS * 1000).toISOString() };
  }

  /** Streams a playlist or a segment to whoever has the right token in the path. */
  async serve(request: Request): Promise<Response> {
    const serve = servePrivateHls(this.r2, {
      bucket: this.bucket,
      tokens: this.tokens,
      onError: (error) => logFailure('a segment could not be read', error),
    });
    return serve(request, this.context);
  }
}
