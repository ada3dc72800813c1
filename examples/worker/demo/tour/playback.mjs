import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { mediaKeys } from '@codex/cloudflare-clients';
import { sha256 } from './stage.mjs';
import { walkPlaylist } from './walk-playlist.mjs';

const CODEX_R2 = fileURLToPath(new URL('../../../../dist/cli/codex-r2.js', import.meta.url));

/** Signed links and private HLS. */
export class PlaybackSteps {
  #stage;

  constructor(stage) {
    this.#stage = stage;
  }

  async fetchSigned() {
    const original = this.#stage.sample.find(({ path }) => path === 'original.mp4');
    const response = await fetch(await this.#signedUrl());
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'video/mp4');
    const digest = sha256(Buffer.from(await response.arrayBuffer()));
    assert.equal(digest, sha256(original.bytes));
    return `original.mp4: ${original.bytes.length} bytes as uploaded, sha256 ${digest.slice(0, 16)}…`;
  }

  async fetchTampered() {
    const url = await this.#signedUrl();
    const otherKey = url.replace('original.mp4', 'other.mp4');
    const longer = url.replace('X-Amz-Expires=600', 'X-Amz-Expires=6000');
    assert.ok(otherKey !== url && longer !== url);
    const statuses = await Promise.all([otherKey, longer].map(async (each) => (await fetch(each)).status));
    assert.deepEqual(statuses, [403, 403]);
    return 'another key: 403; a later expiry: 403';
  }

  async #signedUrl() {
    const { visitor, mediaId } = this.#stage.ada;
    return (await visitor.expect(200, 'GET', `/api/media/${mediaId}/link`)).body.url;
  }

  async playPrivately() {
    const { visitor, mediaId } = this.#stage.ada;
    const { url } = (await visitor.expect(200, 'GET', `/api/media/${mediaId}/play`)).body;
    const found = (await walkPlaylist(new URL(url, this.#stage.server.url))).map(({ bytes }) => sha256(bytes));
    const expected = this.#stage.sample.filter(({ folder }) => folder === 'hls').map(({ bytes }) => sha256(bytes));
    assert.deepEqual(new Set(found), new Set(expected));
    const [, base, token, ...key] = url.split('/');
    const tampered = token.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
    const other = url.replace(mediaId, this.#stage.grace.mediaId);
    const refused = [`/${base}/${tampered}/${key.join('/')}`, other, `/${base}/${key.join('/')}`];
    const statuses = await Promise.all(
      refused.map(async (path) => (await fetch(this.#stage.server.url + path)).status),
    );
    assert.deepEqual(statuses, [403, 403, 403]);
    return `${found.length} files from master to last segment by one token in the path; tampered, of another film, or none: 403`;
  }

  async checkHls() {
    const { bucket } = this.#stage.server;
    const prefix = mediaKeys(this.#stage.ada.id).hlsPrefix(this.#stage.ada.mediaId);
    const { copied } = await this.#stage.r2.copyPrefix({ bucket, prefix, toPrefix: 'temp/broken/' });
    await this.#stage.r2.deleteFile({ bucket, key: 'temp/broken/720p/segment-1.m4s' });
    const [whole, broken] = await Promise.all([
      this.#codexR2('check-hls', `${bucket}/${prefix}master.m3u8`),
      this.#codexR2('check-hls', `${bucket}/temp/broken/master.m3u8`),
    ]);
    assert.equal(whole.status, 0, whole.output);
    assert.equal(broken.status, 1, broken.output);
    assert.match(broken.output, /720p\/segment-1\.m4s/);
    await this.#stage.r2.deletePrefix({ bucket, prefix: 'temp/broken/' });
    return `codex-r2 check-hls: status 0; of a copy (${copied} files) without 720p/segment-1.m4s: status 1, which names it`;
  }

  #codexR2(...args) {
    const { accountId, accessKeyId, secretAccessKey, endpoint } = this.#stage.server.r2;
    const env = {
      PATH: process.env.PATH,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      R2_ACCOUNT_ID: accountId,
      R2_ACCESS_KEY_ID: accessKeyId,
      R2_SECRET_ACCESS_KEY: secretAccessKey,
      R2_ENDPOINT: endpoint,
    };
    return new Promise((resolve) => {
      const child = execFile(process.execPath, [CODEX_R2, ...args], { env }, (_error, stdout, stderr) => {
        resolve({ status: child.exitCode, output: stdout + stderr });
      });
    });
  }
}
