import assert from 'node:assert/strict';
import { mediaKeys } from '@codex/cloudflare-clients';
import { sha256 } from './stage.mjs';
import { walkPlaylist } from './walk-playlist.mjs';

const PART_BYTES = 5 * 1024 * 1024;
const NOTIFICATIONS = 20;

/** Uploads of browsers, and what becomes of them. */
export class UploadSteps {
  #stage;
  #mediaId;
  #stored;

  constructor(stage) {
    this.#stage = stage;
  }

  async uploadSigned() {
    const { visitor } = this.#stage.ada;
    const file = this.#stage.sample.find(({ path }) => path === 'original.mp4').bytes;
    const { id } = (await visitor.expect(201, 'POST', '/api/media', { json: { title: 'From the browser' } })).body;
    const json = { name: 'holiday film.mp4', size: String(file.length) };
    const { url, method, headers } = (await visitor.expect(200, 'POST', `/api/media/${id}/upload`, { json })).body;
    const put = async (body, type = headers) => (await fetch(url, { method, headers: type, body })).status;
    const seen = [
      await put(file.subarray(1)),
      await put(file, { ...headers, 'content-type': 'text/html' }),
      await put(file),
      await put(file),
    ];
    assert.deepEqual(seen, [403, 403, 200, 412]);
    const [stored] = await this.#stage.filesOf(mediaKeys(this.#stage.ada.id).originalPrefix(id));
    assert.equal(stored.size, file.length);
    this.#mediaId = id;
    this.#stored = stored;
    return 'PUT from the browser: a byte too few 403, another type 403, as signed 200, a second time 412';
  }

  async uploadInParts() {
    const { visitor } = this.#stage.ada;
    const parts = [Buffer.alloc(PART_BYTES, 'a'), Buffer.alloc(1000, 'b')];
    const begin = { filename: 'long film.mp4', type: 'video/mp4', metadata: {} };
    const { key, uploadId } = (await visitor.expect(200, 'POST', '/api/uploads/s3/multipart', { json: begin })).body;
    const query = `?key=${encodeURIComponent(key)}`;
    const sent = await Promise.all(
      parts.map(async (body, index) => {
        const path = `/api/uploads/s3/multipart/${encodeURIComponent(uploadId)}/${index + 1}${query}`;
        const { url } = (await visitor.expect(200, 'GET', path)).body;
        const response = await fetch(url, { method: 'PUT', body });
        assert.equal(response.status, 200);
        return { PartNumber: index + 1, ETag: response.headers.get('etag') };
      }),
    );
    const path = `/api/uploads/s3/multipart/${encodeURIComponent(uploadId)}/complete`;
    const stranger = await this.#stage.grace.visitor.send('POST', path + query, { json: { parts: sent } });
    assert.equal(stranger.status, 403);
    await visitor.expect(200, 'POST', path + query, { json: { parts: sent } });
    const stored = await this.#stage.r2.downloadFile({ bucket: this.#stage.server.bucket, key });
    assert.equal(sha256(Buffer.from(await stored.arrayBuffer())), sha256(Buffer.concat(parts)));
    await this.#stage.r2.deleteFile({ bucket: this.#stage.server.bucket, key });
    return `${stored.size} bytes in ${parts.length} presigned parts by Uppy's protocol; another user's completion: 403`;
  }

  /** What was uploaded is told by R2, more than once, and made into HLS. */
  async transcode() {
    const { server, ada, grace } = this.#stage;
    const id = this.#mediaId;
    await this.#tellAgain();
    const hasFfmpeg = await server.transcoder.isAvailable();
    const { status } = await this.#stage.awaitStatus(id, hasFfmpeg ? ['ready', 'failed'] : ['uploaded']);
    const { body } = await ada.visitor.expect(200, 'GET', `/api/media/${id}/play`);
    // It is not published: nobody else is told that there is such a film.
    for (const what of ['play', 'link']) await grace.visitor.expect(404, 'GET', `/api/media/${id}/${what}`);
    const answer = hasFfmpeg ? await this.#playHls(status, body) : await this.#playOriginal(body);
    for (const prefix of mediaKeys(ada.id).mediaPrefixes(id))
      await this.#stage.r2.deletePrefix({ bucket: server.bucket, prefix });
    return answer;
  }

  async #playHls(status, { kind, url }) {
    assert.deepEqual([status, kind], ['ready', 'hls']);
    const files = await walkPlaylist(new URL(url, this.#stage.server.url));
    const variants = files.filter(({ url: each }) => each.pathname.endsWith('/playlist.m3u8')).length;
    assert.equal(variants, 2);
    assert.equal(this.#stage.server.transcoder.requests, 1);
    return `an upload, told ${NOTIFICATIONS + 1} times: transcoded once by ffmpeg, ${variants} variants, ${files.length} files play by private HLS`;
  }

  async #playOriginal({ kind, url }) {
    assert.equal(kind, 'original');
    assert.equal((await fetch(url, { headers: { range: 'bytes=0-99' } })).status, 206);
    return { skipped: 'skipped: no ffmpeg; the original is played, by a signed link' };
  }

  /** As a queue may: the notification of one object many times. */
  async #tellAgain() {
    const { server } = this.#stage;
    const { key, size, etag } = this.#stored;
    const event = {
      account: server.r2.accountId,
      action: 'PutObject',
      bucket: server.bucket,
      object: { key, size, eTag: etag.replaceAll('"', '') },
      eventTime: new Date().toISOString(),
    };
    await server.storage.tell(Array.from({ length: NOTIFICATIONS }, () => event));
  }
}
