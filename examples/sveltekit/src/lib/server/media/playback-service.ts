import {
  COUNTER_CLIENT,
  EXECUTION_CONTEXT,
  Injectable,
  mediaKeys,
  parseMediaKey,
  R2_CLIENT,
  serveFile,
  servePrivateHls,
} from '@codex/cloudflare-clients';
import type { CounterClient, ExecutionContextLike, HlsTokens, R2Client } from '@codex/cloudflare-clients';
import type { Playback } from '$lib/shapes.js';
import type { MediaRow } from '../data/media-table.js';
import { logFailure } from '../log.js';
import { Refusal } from '../refusal.js';
import { HLS_TOKENS, MEDIA_BUCKET } from './tokens.js';

/** The player asks again for what takes longer; rounded, so that a viewer who loads the page again finds the segments in the browser's cache. */
const PLAYBACK_SECONDS = 3600;
const ROUND_SECONDS = 300;

/**
 * Plays what a visitor may see: private HLS, or the original where there is none.
 *
 * Tokens of HLS are bound to the hash of the session's token, which a segment shows without any look-up: in another browser, and after the cookie is
 * gone, the address is worth nothing. A session that is ended from elsewhere can go on for as long as its token is good: an hour and five minutes at most.
 */
@Injectable(R2_CLIENT, MEDIA_BUCKET, HLS_TOKENS, COUNTER_CLIENT, EXECUTION_CONTEXT)
export class PlaybackService {
  constructor(
    private readonly r2: R2Client,
    private readonly bucket: string,
    private readonly tokens: HlsTokens,
    private readonly counters: CounterClient,
    private readonly context: ExecutionContextLike,
  ) {}

  /** Addresses for one viewer; `null` while nothing was uploaded. */
  async prepare(media: MediaRow, viewer: string): Promise<Playback | null> {
    const source = this.#source(media, viewer);
    return source && { ...source, views: await this.#views(media.id) };
  }

  /** As `prepare`, and counts a view unless it only goes on. @throws {Refusal} 404 while nothing was uploaded. */
  async start(media: MediaRow, viewer: string, { isRenewal = false } = {}): Promise<Playback> {
    const source = this.#source(media, viewer);
    if (source === null) throw new Refusal(404, 'There is nothing to play yet.');
    return { ...source, views: await (isRenewal ? this.#views(media.id) : this.#countView(media.id)) };
  }

  /** Streams a playlist or a segment to whoever has the right token in the path. `viewer` is `null` for nobody. */
  async serveHls(request: Request, viewer: string | null): Promise<Response> {
    const serve = servePrivateHls(this.r2, {
      bucket: this.bucket,
      tokens: this.tokens,
      viewer: () => viewer,
      onError: (error) => logFailure('a segment could not be read', error),
    });
    return serve(request, this.context);
  }

  /** Streams the original, with ranges; the caller has said that the visitor may see it. */
  async serveOriginal({ originalKey }: MediaRow, request: Request): Promise<Response> {
    if (originalKey === null) throw new Refusal(404, 'There is nothing to play yet.');
    // It comes from a visitor and stands on the app's own host: it must not act as the app.
    const headers = { 'content-security-policy': 'sandbox', 'x-content-type-options': 'nosniff' };
    const options = { bucket: this.bucket, key: originalKey, cacheControl: 'private, max-age=3600', headers };
    return serveFile(this.r2, options, request);
  }

  #source({ id, creatorId, status, originalKey }: MediaRow, viewer: string): Omitted | null {
    if (status === 'ready') {
      const { path, expiresAt } = this.tokens.signPath({
        key: mediaKeys(creatorId).hlsMaster(id),
        expiresIn: PLAYBACK_SECONDS,
        roundExpiry: ROUND_SECONDS,
        viewer,
      });
      return { kind: 'hls', url: path, expiresAt: expiresAt.toISOString() };
    }
    if (originalKey === null) return null;
    const contentType = parseMediaKey(originalKey)?.contentType ?? 'application/octet-stream';
    return { kind: 'original', url: `/api/media/${id}/original`, contentType };
  }

  /** A film plays without its counter. */
  async #views(id: string): Promise<number> {
    try {
      return (await this.counters.get(counterOf(id))).value;
    } catch (error) {
      logFailure(`views of ${id} not read`, error);
      return 0;
    }
  }

  async #countView(id: string): Promise<number> {
    try {
      return (await this.counters.increment(counterOf(id))).value;
    } catch (error) {
      logFailure(`a view of ${id} not counted`, error);
      return 0;
    }
  }
}

type Omitted = Playback extends infer Each ? (Each extends Playback ? Omit<Each, 'views'> : never) : never;

function counterOf(mediaId: string): string {
  return `views:${mediaId}`;
}
