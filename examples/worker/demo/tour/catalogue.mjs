import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONCURRENT_REQUESTS } from './stage.mjs';

/** Films, the cached list of them, and what invalidates it. */
export class CatalogueSteps {
  #stage;

  constructor(stage) {
    this.#stage = stage;
  }

  async health() {
    const { body } = await this.#stage.ada.visitor.expect(200, 'GET', '/api/health');
    assert.equal(body.status, 'ok');
    return 'GET /api/health: 200 ok';
  }

  async upload() {
    this.#stage.ada.mediaId = await this.#uploadSample(this.#stage.ada, 'Autumn gradients');
    this.#stage.grace.mediaId = await this.#uploadSample(this.#stage.grace, 'A film that will be purged');
    const stored = await this.#stage.filesOf(`${this.#stage.ada.id}/`);
    assert.equal(stored.length, this.#stage.sample.length);
    assert.ok(
      stored.some(({ key }) => key === `${this.#stage.ada.id}/hls/${this.#stage.ada.mediaId}/720p/playlist.m3u8`),
    );
    const bytes = this.#stage.sample.reduce((sum, file) => sum + file.bytes.length, 0);
    return `${stored.length} files (${bytes} bytes) for each of two creators, streamed through the Worker to R2`;
  }

  async #uploadSample({ visitor }, title) {
    const { id } = (await visitor.expect(201, 'POST', '/api/media', { json: { title } })).body;
    for (const { folder, path, bytes } of this.#stage.sample) {
      const { body } = await visitor.expect(200, 'PUT', `/api/media/${id}/${folder}/${path}`, { body: bytes });
      assert.equal(body.size, bytes.length);
    }
    await visitor.expect(202, 'POST', `/api/media/${id}/publish`);
    return id;
  }

  async list() {
    const path = `/api/creators/${this.#stage.ada.id}/media`;
    const first = await this.#stage.ada.visitor.expect(200, 'GET', path);
    const second = await this.#stage.ada.visitor.expect(200, 'GET', path);
    const seen = [first, second].map(({ headers }) => headers.get('x-cache'));
    assert.deepEqual(seen, ['miss', 'hit']);
    assert.deepEqual(second.body, first.body);
    assert.equal(second.body[0].files.length, this.#stage.sample.length);
    assert.match(second.headers.get('server-timing') ?? '', /^cache;/);
    return `GET /api/creators/${this.#stage.ada.id.slice(0, 8)}…/media: ${seen[0]}, then ${seen[1]} with the same answer`;
  }

  async publishAnother() {
    const { visitor, id } = this.#stage.ada;
    const path = `/api/creators/${id}/media`;
    const media = (await visitor.expect(201, 'POST', '/api/media', { json: { title: 'Winter gradients' } })).body;
    assert.equal((await visitor.expect(200, 'GET', path)).headers.get('x-cache'), 'hit');
    await visitor.expect(202, 'POST', `/api/media/${media.id}/publish`);
    const after = await visitor.expect(200, 'GET', path);
    assert.equal(after.headers.get('x-cache'), 'miss');
    assert.deepEqual(new Set(after.body.map((item) => item.id)), new Set([this.#stage.ada.mediaId, media.id]));
    return `its tag creator:${id.slice(0, 8)}… is invalidated by one write; the next reader sees ${after.body.length} items`;
  }

  async listStale() {
    const { visitor, id } = this.#stage.ada;
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

  async #expire(prefix, seconds) {
    const kv = await this.#stage.server.miniflare.getKVNamespace('CACHE_KV');
    for (const { name } of (await kv.list({ prefix })).keys) {
      const { value, metadata } = await kv.getWithMetadata(name);
      await kv.put(name, value, { metadata: { ...metadata, e: metadata.e - seconds * 1000 } });
    }
  }

  async publishAgain() {
    const { visitor, id } = this.#stage.ada;
    const media = (await visitor.expect(201, 'POST', '/api/media', { json: { title: 'Summer gradients' } })).body;
    const click = () => visitor.expect(202, 'POST', `/api/media/${media.id}/publish`);
    const answers = await Promise.all(Array.from({ length: 20 }, click));
    const first = answers.filter(({ body }) => body.isFirst).length;
    assert.equal(first, 1);
    const listed = (await visitor.expect(200, 'GET', `/api/creators/${id}/media`)).body;
    assert.ok(listed.some((item) => item.id === media.id));
    return `at once, on one film: ${first} of ${answers.length} published it, by CounterClient.once`;
  }

  async countViews() {
    const { visitor, mediaId } = this.#stage.ada;
    const views = async () => (await visitor.expect(200, 'GET', `/api/media/${mediaId}/views`)).body.views;
    const before = await views();
    const play = () => visitor.expect(200, 'GET', `/api/media/${mediaId}/play`);
    await Promise.all(Array.from({ length: CONCURRENT_REQUESTS }, play));
    const after = await views();
    assert.equal(after - before, CONCURRENT_REQUESTS);
    return `${CONCURRENT_REQUESTS} plays at once, from ${before} to ${after}: none is lost`;
  }

  async purge() {
    const { visitor, id } = this.#stage.grace;
    const path = `/api/creators/${id}/media`;
    assert.equal((await visitor.expect(200, 'GET', path)).body.length, 1);
    await this.#stage.ada.visitor.expect(403, 'DELETE', path);
    const { body } = await visitor.expect(200, 'DELETE', path);
    assert.deepEqual(body, { deleted: this.#stage.sample.length, failed: 0 });
    assert.deepEqual((await visitor.expect(200, 'GET', path)).body, []);
    assert.deepEqual(await this.#stage.filesOf(`${id}/`), []);
    assert.equal((await this.#stage.filesOf(`${this.#stage.ada.id}/`)).length, this.#stage.sample.length);
    return `${body.deleted} files of one creator deleted, the listing is empty; the other creator's are untouched`;
  }

  async awaitEvent() {
    const { mediaId } = this.#stage.ada;
    assert.deepEqual(await this.#stage.awaitStatus(mediaId, ['ready']), { status: 'ready', progress: 100 });
    return `R2 told the queue media-events of the original; its HLS was there: ${mediaId.slice(0, 8)}… is ready`;
  }
}
