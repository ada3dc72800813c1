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
import { HttpError } from './http-error.js';
import { logFailure } from './log.js';
import { HLS_TOKENS, MEDIA_BUCKET } from './tokens.js';

/** Long enough to pause and come back; rounded, so that a viewer who loads the page again finds the segments in the browser's cache. */
const PLAYBACK_SECONDS = 6 * 3600;
const ROUND_SECONDS = 300;

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

  /** The address of an item's playlist, good for its folder alone. */
  async start(mediaId: string): Promise<{ url: string; expiresAt: string }> {
    const media = await this.content.find(mediaId);
    if (!media?.files.some(({ key }) => parseMediaKey(key)?.kind === 'hls')) {
      throw new HttpError(404, 'There is no such film.');
    }
    const { path, expiresAt } = this.tokens.signPath({
      key: mediaKeys(media.creatorId).hlsMaster(mediaId),
      expiresIn: PLAYBACK_SECONDS,
      roundExpiry: ROUND_SECONDS,
    });
    return { url: path, expiresAt: expiresAt.toISOString() };
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
