import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { mediaKeys, R2Client, replicate, rewritePlaylist } from '@codex/cloudflare-clients';
import { readSample } from './sample.mjs';
import { Visitor } from './visitor.mjs';

const PASSWORD = 'correct horse battery staple';
const ADA = { email: 'ada@example.com', name: 'Ada', password: PASSWORD };
const GRACE = { email: 'grace@example.com', name: 'Grace', password: PASSWORD };
const CONCURRENT_REQUESTS = 50;
const PART_BYTES = 5 * 1024 * 1024;
const CODEX_R2 = fileURLToPath(new URL('../../../dist/cli/codex-r2.js', import.meta.url));

/** What is done with the Worker, over HTTP as a visitor would; each step asserts what it saw and says it in a sentence. */
export function createTour(server) {
  const tour = new Tour(server);
  const steps = [
    ['health', () => tour.health()],
    ['sign up and log in', () => tour.logIn()],
    ['session from the cache', () => tour.readSession()],
    ['upload', () => tour.upload()],
    ['queue message', () => tour.awaitQueue()],
    ['cached listing', () => tour.list()],
    ['publish drops the listing', () => tour.publishAnother()],
    ['stale listing', () => tour.listStale()],
    ['login limit', () => tour.tryPasswords()],
    ['20 clicks on publish', () => tour.publishAgain()],
    ['view counter', () => tour.countViews()],
    ['signed URL', () => tour.fetchSigned()],
    ['tampered URL', () => tour.fetchTampered()],
    ['private HLS', () => tour.playPrivately()],
    ['signed upload', () => tour.uploadSigned()],
    ['upload in parts', () => tour.uploadInParts()],
    ['check-hls', () => tour.checkHls()],
    ['replication', () => tour.replicate()],
    ['50 requests, two users', () => tour.interleave()],
    ['scheduled clean-up', () => tour.cleanUp()],
    ['creator purge', () => tour.purge()],
    ['logout', () => tour.logOut()],
    ['logout everywhere', () => tour.logOutEverywhere()],
  ];
  return { steps: steps.map(([name, run]) => ({ name, run })), showcase: tour.showcase };
}

class Tour {
  /** What the page needs to show; filled in on the way. */
  showcase = { creatorId: '', email: ADA.email, password: PASSWORD };
  #server;
  #r2;
  #sample = readSample();
  #ada;
  #grace;

  constructor(server) {
    this.#server = server;
    this.#r2 = new R2Client(server.r2);
    this.#ada = { ...ADA, visitor: new Visitor(server.url) };
    this.#grace = { ...GRACE, visitor: new Visitor(server.url) };
  }

  async health() {
    const { body } = await this.#ada.visitor.expect(200, 'GET', '/api/health');
    assert.equal(body.status, 'ok');
    return 'GET /api/health: 200 ok';
  }

  async logIn() {
    for (const user of [this.#ada, this.#grace]) {
      const { visitor, email, name, password } = user;
      const { body } = await visitor.expect(201, 'POST', '/api/signup', { json: { email, name, password } });
      user.id = body.id;
      const { headers } = await visitor.expect(200, 'POST', '/api/login', { json: { email, password } });
      assert.match(headers.get('set-cookie') ?? '', /^codex-session=[0-9a-f]{64};.*HttpOnly/);
    }
    this.showcase.creatorId = this.#ada.id;
    return 'two users, each with a session cookie (HttpOnly)';
  }

  async readSession() {
    const { visitor, id } = this.#ada;
    const sources = [await this.#sessionSource(visitor, id)];
    // As if it had run out: what `delete` ends stays ended.
    const sessions = await this.#server.miniflare.getKVNamespace('AUTH_SESSION_KV');
    for (const { name } of (await sessions.list({ prefix: 'session:' })).keys) await sessions.delete(name);
    sources.push(await this.#sessionSource(visitor, id), await this.#sessionSource(visitor, id));
    assert.deepEqual(sources, ['cache', 'database', 'cache']);
    return `GET /api/me: ${sources[0]}; after its entry was dropped: ${sources[1]}, then ${sources[2]}`;
  }

  async #sessionSource(visitor, userId) {
    const { body, headers } = await visitor.expect(200, 'GET', '/api/me');
    assert.equal(body.id, userId);
    return headers.get('x-session');
  }

  async upload() {
    this.#ada.mediaId = await this.#uploadSample(this.#ada, 'Autumn gradients');
    this.#grace.mediaId = await this.#uploadSample(this.#grace, 'A film that will be purged');
    const stored = await this.#filesOf(`${this.#ada.id}/`);
    assert.equal(stored.length, this.#sample.length);
    assert.ok(stored.some(({ key }) => key === `${this.#ada.id}/hls/${this.#ada.mediaId}/720p/playlist.m3u8`));
    const bytes = this.#sample.reduce((sum, file) => sum + file.bytes.length, 0);
    return `${stored.length} files (${bytes} bytes) for each of two creators, streamed through the Worker to R2`;
  }

  async #uploadSample({ visitor }, title) {
    const { id } = (await visitor.expect(201, 'POST', '/api/media', { json: { title } })).body;
    for (const { folder, path, bytes } of this.#sample) {
      const { body } = await visitor.expect(200, 'PUT', `/api/media/${id}/${folder}/${path}`, { body: bytes });
      assert.equal(body.size, bytes.length);
    }
    await visitor.expect(202, 'POST', `/api/media/${id}/publish`);
    return id;
  }

  #filesOf(prefix) {
    return this.#r2.listFiles({ bucket: this.#server.bucket, prefix });
  }

  async awaitQueue() {
    const { visitor, mediaId } = this.#ada;
    const deadline = Date.now() + 10_000;
    let status = null;
    while (status === null && Date.now() < deadline) {
      status = (await visitor.expect(200, 'GET', `/api/media/${mediaId}/status`)).body;
      if (status === null) await sleep(50);
    }
    assert.deepEqual(status, { status: 'ready', progress: 100 });
    return `cache:media:status:${mediaId.slice(0, 8)}… is ready, written by the queue consumer`;
  }

  async list() {
    const path = `/api/creators/${this.#ada.id}/media`;
    const first = await this.#ada.visitor.expect(200, 'GET', path);
    const second = await this.#ada.visitor.expect(200, 'GET', path);
    const seen = [first, second].map(({ headers }) => headers.get('x-cache'));
    assert.deepEqual(seen, ['miss', 'hit']);
    assert.deepEqual(second.body, first.body);
    assert.equal(second.body[0].files.length, this.#sample.length);
    assert.match(second.headers.get('server-timing') ?? '', /^cache;/);
    return `GET /api/creators/${this.#ada.id.slice(0, 8)}…/media: ${seen[0]}, then ${seen[1]} with the same answer`;
  }

  async publishAnother() {
    const { visitor, id } = this.#ada;
    const path = `/api/creators/${id}/media`;
    const media = (await visitor.expect(201, 'POST', '/api/media', { json: { title: 'Winter gradients' } })).body;
    assert.equal((await visitor.expect(200, 'GET', path)).headers.get('x-cache'), 'hit');
    await visitor.expect(202, 'POST', `/api/media/${media.id}/publish`);
    const after = await visitor.expect(200, 'GET', path);
    assert.equal(after.headers.get('x-cache'), 'miss');
    assert.deepEqual(new Set(after.body.map((item) => item.id)), new Set([this.#ada.mediaId, media.id]));
    return `its tag creator:${id.slice(0, 8)}… is invalidated by one write; the next reader sees ${after.body.length} items`;
  }

  async listStale() {
    const { visitor, id } = this.#ada;
    const path = `/api/creators/${id}/media`;
    await this.#expire('cache:media-list:', 301);
    const seen = [await visitor.expect(200, 'GET', path)];
    const deadline = Date.now() + 5_000;
    while (seen.at(-1).headers.get('x-cache') === 'stale' && Date.now() < deadline) {
      await sleep(20);
      seen.push(await visitor.expect(200, 'GET', path));
    }
    const statuses = seen.map(({ headers }) => headers.get('x-cache'));
    assert.deepEqual([statuses[0], statuses.at(-1)], ['stale', 'hit']);
    assert.deepEqual(seen.at(-1).body, seen[0].body);
    return `a second past its TTL: served at once (${statuses[0]}), refreshed in the background, then ${statuses.at(-1)}`;
  }

  /** Ends the TTL of what is cached under a prefix so many seconds earlier. */
  async #expire(prefix, seconds) {
    const kv = await this.#server.miniflare.getKVNamespace('CACHE_KV');
    for (const { name } of (await kv.list({ prefix })).keys) {
      const { value, metadata } = await kv.getWithMetadata(name);
      await kv.put(name, value, { metadata: { ...metadata, e: metadata.e - seconds * 1000 } });
    }
  }

  async tryPasswords() {
    const visitor = new Visitor(this.#server.url);
    const attempt = () =>
      visitor.send('POST', '/api/login', { json: { email: 'mallory@example.com', password: 'guess' } });
    const answers = await Promise.all(Array.from({ length: CONCURRENT_REQUESTS }, attempt));
    const refused = answers.filter(({ status }) => status === 429);
    const looked = answers.filter(({ status }) => status === 401);
    assert.deepEqual([looked.length, refused.length], [5, CONCURRENT_REQUESTS - 5]);
    const [{ headers, body }] = refused;
    const retryAfter = Number(headers.get('retry-after'));
    assert.ok(retryAfter > 880 && retryAfter <= 900, `Retry-After is ${retryAfter}`);
    assert.equal(headers.get('ratelimit-policy'), '"login";q=5;w=900');
    return `${answers.length} guesses at once: ${looked.length} were looked at, ${refused.length} got 429, Retry-After: ${retryAfter}. "${body.error}"`;
  }

  async publishAgain() {
    const { visitor, id } = this.#ada;
    const media = (await visitor.expect(201, 'POST', '/api/media', { json: { title: 'Summer gradients' } })).body;
    const click = () => visitor.expect(202, 'POST', `/api/media/${media.id}/publish`);
    const answers = await Promise.all(Array.from({ length: 20 }, click));
    const queued = answers.filter(({ body }) => body.isQueued).length;
    assert.equal(queued, 1);
    const listed = (await visitor.expect(200, 'GET', `/api/creators/${id}/media`)).body;
    assert.ok(listed.some((item) => item.id === media.id));
    return `at once, on one film: ${queued} of ${answers.length} put it into the queue`;
  }

  async countViews() {
    const { visitor, mediaId } = this.#ada;
    const views = async () => (await visitor.expect(200, 'GET', `/api/media/${mediaId}/views`)).body.views;
    const before = await views();
    const play = () => visitor.expect(200, 'GET', `/api/media/${mediaId}/play`);
    await Promise.all(Array.from({ length: CONCURRENT_REQUESTS }, play));
    const after = await views();
    assert.equal(after - before, CONCURRENT_REQUESTS);
    return `${CONCURRENT_REQUESTS} plays at once, from ${before} to ${after}: none is lost`;
  }

  async fetchSigned() {
    const original = this.#sample.find(({ path }) => path === 'original.mp4');
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
    const { visitor, mediaId } = this.#ada;
    return (await visitor.expect(200, 'GET', `/api/media/${mediaId}/link`)).body.url;
  }

  /** Walks as a player does, by relative URIs and without a cookie: the path alone is the right. */
  async playPrivately() {
    const { visitor, mediaId } = this.#ada;
    const { url } = (await visitor.expect(200, 'GET', `/api/media/${mediaId}/play`)).body;
    const found = await this.#walk(new URL(url, this.#server.url));
    const expected = this.#sample.filter(({ folder }) => folder === 'hls').map(({ bytes }) => sha256(bytes));
    assert.deepEqual(new Set(found), new Set(expected));
    const [, base, token, ...key] = url.split('/');
    const tampered = token.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'));
    const other = url.replace(mediaId, this.#grace.mediaId);
    const refused = [`/${base}/${tampered}/${key.join('/')}`, other, `/${base}/${key.join('/')}`];
    const statuses = await Promise.all(refused.map(async (path) => (await fetch(this.#server.url + path)).status));
    assert.deepEqual(statuses, [403, 403, 403]);
    return `${found.length} files from master to last segment by one token in the path; tampered, of another film, or none: 403`;
  }

  /** Digests of a playlist and of all that it names. */
  async #walk(url) {
    const response = await fetch(url);
    assert.equal(response.status, 200, `${url.pathname.split('/').slice(-2).join('/')}: ${response.status}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    const children = [];
    if (url.pathname.endsWith('.m3u8')) {
      rewritePlaylist(bytes.toString(), (uri) => {
        children.push(new URL(uri, url));
        return uri;
      });
    }
    const below = [];
    for (const child of children) below.push(...(await this.#walk(child)));
    return [sha256(bytes), ...below];
  }

  async uploadSigned() {
    const { visitor } = this.#ada;
    const file = this.#sample.find(({ path }) => path === 'original.mp4').bytes;
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
    const [stored] = await this.#filesOf(mediaKeys(this.#ada.id).originalPrefix(id));
    assert.equal(stored.size, file.length);
    await this.#r2.deleteFile({ bucket: this.#server.bucket, key: stored.key });
    return 'PUT from the browser: a byte too few 403, another type 403, as signed 200, a second time 412';
  }

  async uploadInParts() {
    const { visitor } = this.#ada;
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
    const stranger = await this.#grace.visitor.send('POST', path + query, { json: { parts: sent } });
    assert.equal(stranger.status, 403);
    await visitor.expect(200, 'POST', path + query, { json: { parts: sent } });
    const stored = await this.#r2.downloadFile({ bucket: this.#server.bucket, key });
    assert.equal(sha256(Buffer.from(await stored.arrayBuffer())), sha256(Buffer.concat(parts)));
    await this.#r2.deleteFile({ bucket: this.#server.bucket, key });
    return `${stored.size} bytes in ${parts.length} presigned parts by Uppy's protocol; another user's completion: 403`;
  }

  async checkHls() {
    const { bucket } = this.#server;
    const prefix = mediaKeys(this.#ada.id).hlsPrefix(this.#ada.mediaId);
    const whole = await this.#codexR2('check-hls', `${bucket}/${prefix}master.m3u8`);
    assert.equal(whole.status, 0, whole.output);
    const { copied } = await this.#r2.copyPrefix({ bucket, prefix, toPrefix: 'temp/broken/' });
    await this.#r2.deleteFile({ bucket, key: 'temp/broken/720p/segment-1.m4s' });
    const broken = await this.#codexR2('check-hls', `${bucket}/temp/broken/master.m3u8`);
    assert.equal(broken.status, 1, broken.output);
    assert.match(broken.output, /720p\/segment-1\.m4s/);
    await this.#r2.deletePrefix({ bucket, prefix: 'temp/broken/' });
    return `codex-r2 check-hls: status 0; of a copy (${copied} files) without 720p/segment-1.m4s: status 1, which names it`;
  }

  #codexR2(...args) {
    const { accountId, accessKeyId, secretAccessKey, endpoint } = this.#server.r2;
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

  async replicate() {
    const { bucket, backupBucket } = this.#server;
    const run = () =>
      replicate({
        from: { client: this.#r2, bucket },
        to: { client: this.#r2, bucket: backupBucket },
        verify: true,
      });
    const first = await run();
    const second = await run();
    const objects = (await this.#filesOf('')).length;
    assert.deepEqual([first.complete, second.complete], [true, true]);
    assert.deepEqual([first.copied.objects, second.copied.objects], [objects, 0]);
    return `${objects} objects to ${backupBucket}, verified; a second run copies ${second.copied.objects}`;
  }

  async interleave() {
    const users = Array.from({ length: CONCURRENT_REQUESTS }, (_, index) => (index % 2 ? this.#ada : this.#grace));
    const answers = await Promise.all(users.map(({ visitor }) => visitor.expect(200, 'GET', '/api/me')));
    const mixed = answers.filter(({ body }, index) => body.id !== users[index].id).length;
    assert.equal(mixed, 0);
    return `${answers.length} at once, ${CONCURRENT_REQUESTS / 2} of each: everyone saw their own session`;
  }

  async cleanUp() {
    const { visitor, mediaId } = this.#ada;
    for (const name of ['frame-1.png', 'frame-2.png', 'frame-3.png']) {
      await visitor.expect(200, 'PUT', `/api/media/${mediaId}/temp/${name}`, { body: Buffer.alloc(64) });
    }
    const before = (await this.#filesOf('temp/')).length;
    const worker = await this.#server.miniflare.getWorker();
    const { outcome } = await worker.scheduled({ cron: this.#server.crons[0] });
    const after = (await this.#filesOf('temp/')).length;
    assert.deepEqual({ outcome, before, after }, { outcome: 'ok', before: 3, after: 0 });
    return `cron "${this.#server.crons[0]}": ${before} temporary files deleted, ${after} left`;
  }

  async purge() {
    const { visitor, id } = this.#grace;
    const path = `/api/creators/${id}/media`;
    assert.equal((await visitor.expect(200, 'GET', path)).body.length, 1);
    await this.#ada.visitor.expect(403, 'DELETE', path);
    const { body } = await visitor.expect(200, 'DELETE', path);
    assert.deepEqual(body, { deleted: this.#sample.length, failed: 0 });
    assert.deepEqual((await visitor.expect(200, 'GET', path)).body, []);
    assert.deepEqual(await this.#filesOf(`${id}/`), []);
    assert.equal((await this.#filesOf(`${this.#ada.id}/`)).length, this.#sample.length);
    return `${body.deleted} files of one creator deleted, the listing is empty; the other creator's are untouched`;
  }

  async logOut() {
    const { visitor } = this.#grace;
    const old = new Visitor(this.#server.url, visitor.cookie);
    await old.expect(200, 'GET', '/api/me');
    await visitor.expect(200, 'POST', '/api/logout');
    const { body } = await old.expect(401, 'GET', '/api/me');
    return `the old cookie is refused: 401 "${body.error}"`;
  }

  async logOutEverywhere() {
    const { email, password } = this.#grace;
    const devices = Array.from({ length: 3 }, () => new Visitor(this.#server.url));
    for (const device of devices) await device.expect(200, 'POST', '/api/login', { json: { email, password } });
    const cookies = devices.map(({ cookie }) => new Visitor(this.#server.url, cookie));
    await Promise.all(cookies.map((device) => device.expect(200, 'GET', '/api/me')));
    const { body } = await devices[0].expect(200, 'POST', '/api/logout-everywhere');
    assert.equal(body.ended, devices.length);
    await Promise.all(cookies.map((device) => device.expect(401, 'GET', '/api/me')));
    await this.#ada.visitor.expect(200, 'GET', '/api/me');
    return `from one of ${devices.length} devices: the next request of each is refused, by an object and not by KV; another user stays`;
  }
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
