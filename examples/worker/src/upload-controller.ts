import { createUploadHandler, Injectable, R2_CLIENT, REQUEST } from '@codex/cloudflare-clients';
import type { R2Client } from '@codex/cloudflare-clients';
import { CurrentSession } from './current-session.js';
import { HttpError } from './http-error.js';
import { readFields } from './json-body.js';
import { MediaService } from './media-service.js';
import { MEDIA_BUCKET } from './tokens.js';

/** Uploads from the browser: the bytes go straight to the bucket, and never through this Worker. */
@Injectable(REQUEST, CurrentSession, MediaService, R2_CLIENT, MEDIA_BUCKET)
export class UploadController {
  constructor(
    private readonly request: Request,
    private readonly current: CurrentSession,
    private readonly media: MediaService,
    private readonly r2: R2Client,
    private readonly bucket: string,
  ) {}

  /** One PUT of the original of an item. */
  async sign(mediaId: string): Promise<Response> {
    const { user } = await this.current.require();
    const { name, size } = await readFields(this.request, ['name', 'size']);
    const upload = await this.media.signUpload(user.id, mediaId, { name, size: Number(size) });
    return Response.json(upload, { headers: { 'cache-control': 'no-store' } });
  }

  /** What Uppy's S3 plugin asks for: parts, resumption, the lot. Confined to the caller's own originals. */
  async companion(): Promise<Response> {
    const { user } = await this.current.require();
    const handle = createUploadHandler(this.r2, {
      bucket: this.bucket,
      basePath: '/api/uploads',
      allowedTypes: ['video/*', 'audio/*'],
      authorize: () => ({ prefix: `${user.id}/originals/uploads/` }),
    });
    const response = await handle(this.request);
    if (response.status === 404) throw new HttpError(404, 'There is nothing at this address.');
    return response;
  }
}
