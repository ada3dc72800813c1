import { Injectable, REQUEST } from '@codex/cloudflare-clients';
import { ContentService, LIST_KEYS } from './content-service.js';
import { CurrentSession } from './current-session.js';
import { HttpError } from './http-error.js';
import { readFields } from './json-body.js';
import { MediaService } from './media-service.js';
import { PlaybackService } from './playback-service.js';
import { RequestEvents } from './request-events.js';
import { TranscodingService } from './transcoding-service.js';
import { ViewCounter } from './view-counter.js';

/** Media: listing, upload, publication, links, purge. */
@Injectable(
  REQUEST,
  CurrentSession,
  ContentService,
  MediaService,
  PlaybackService,
  TranscodingService,
  ViewCounter,
  RequestEvents,
)
export class MediaController {
  constructor(
    private readonly request: Request,
    private readonly current: CurrentSession,
    private readonly content: ContentService,
    private readonly media: MediaService,
    private readonly playback: PlaybackService,
    private readonly transcoding: TranscodingService,
    private readonly viewCounter: ViewCounter,
    private readonly events: RequestEvents,
  ) {}

  /** The header `x-cache` says whether the list came from the cache. */
  async list(creatorId: string): Promise<Response> {
    const media = await this.content.list(creatorId);
    return Response.json(media, { headers: { 'x-cache': this.events.cacheStatus(LIST_KEYS) ?? 'none' } });
  }

  async create(): Promise<Response> {
    const { user } = await this.current.require();
    const { title } = await readFields(this.request, ['title']);
    return Response.json(await this.media.create(user.id, title), { status: 201 });
  }

  async upload(mediaId: string, folder: string, path: string): Promise<Response> {
    const { user } = await this.current.require();
    const { body, headers } = this.request;
    if (body === null) throw new HttpError(400, 'There is no file in this request.');
    const length = headers.get('content-length');
    const contentLength = length === null ? undefined : Number(length);
    return Response.json(await this.media.upload(user.id, mediaId, { folder, path, body, contentLength }));
  }

  async publish(mediaId: string): Promise<Response> {
    const { user } = await this.current.require();
    const isFirst = await this.media.publish(user.id, mediaId);
    return Response.json({ status: 'published', isFirst }, { status: 202 });
  }

  async status(mediaId: string): Promise<Response> {
    return Response.json(await this.transcoding.status(mediaId));
  }

  async link(mediaId: string): Promise<Response> {
    const { user } = await this.current.require();
    return Response.json(await this.media.link(user.id, mediaId), { headers: { 'cache-control': 'no-store' } });
  }

  async play(mediaId: string): Promise<Response> {
    const { user } = await this.current.require();
    const playback = await this.playback.start(user.id, mediaId);
    await this.viewCounter.count(mediaId);
    return Response.json(playback, { headers: { 'cache-control': 'no-store' } });
  }

  async views(mediaId: string): Promise<Response> {
    return Response.json({ views: await this.viewCounter.views(mediaId) });
  }

  async purge(creatorId: string): Promise<Response> {
    const { user } = await this.current.require();
    if (user.id !== creatorId) throw new HttpError(403, 'You can only delete your own media.');
    const { deleted, failed } = await this.media.purge(creatorId);
    return Response.json({ deleted, failed: failed.length });
  }
}
