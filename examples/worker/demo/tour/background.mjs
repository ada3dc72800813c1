import assert from 'node:assert/strict';
import { getCors, getLifecycle } from '@codex/cloudflare-clients';

const DAY_MS = 86_400_000;

/** What the Worker does when nobody asks: cron triggers, calls of other Workers, counts of events. */
export class BackgroundSteps {
  #stage;

  constructor(stage) {
    this.#stage = stage;
  }

  async cleanUp() {
    const { server, r2, ada } = this.#stage;
    const { bucket } = server;
    for (const name of ['frame-1.png', 'frame-2.png', 'frame-3.png']) {
      await ada.visitor.expect(200, 'PUT', `/api/media/${ada.mediaId}/temp/${name}`, { body: Buffer.alloc(64) });
    }
    const begin = (name) => r2.createMultipartUpload({ bucket, key: `${ada.id}/originals/uploads/${name}` });
    server.storage.clock.offsetMs = -2 * DAY_MS;
    await begin('abandoned.mp4');
    const resumed = await begin('resumed.mp4');
    server.storage.clock.offsetMs = 0;
    await this.#sendPart(resumed);
    const recent = await begin('recent.mp4');
    const before = [(await this.#stage.filesOf('temp/')).length, await this.#preflight()];
    const outcome = await this.#stage.trigger(server.crons.nightly);
    const after = [(await this.#stage.filesOf('temp/')).length, await this.#preflight()];
    assert.deepEqual({ outcome, before, after }, { outcome: 'ok', before: [3, 403], after: [0, 204] });
    const pending = await r2.listMultipartUploads({ bucket });
    assert.deepEqual(
      pending.map(({ uploadId }) => uploadId),
      [recent.uploadId, resumed.uploadId],
    );
    for (const upload of [recent, resumed]) await r2.abortMultipartUpload(upload);
    const { rules } = await getLifecycle(r2, { bucket });
    const cors = await getCors(r2, { bucket });
    assert.ok(rules.some(({ id }) => id === 'abandoned-uploads') && cors.length > 0);
    return `cron "${server.crons.nightly}": 3 temporary files and the upload abandoned two days ago are gone, the recent one and one as old that goes on stay; lifecycle and CORS are set`;
  }

  async #sendPart(upload) {
    const [{ url }] = await this.#stage.r2.getSignedPartUrls({ ...upload, partNumbers: [1], expiresIn: 60 });
    assert.equal((await fetch(url, { method: 'PUT', body: Buffer.alloc(1000) })).status, 200);
  }

  /** What a browser is told before it uploads. */
  async #preflight() {
    const { server } = this.#stage;
    const headers = { origin: server.url, 'access-control-request-method': 'PUT' };
    return (await fetch(`${server.r2.endpoint}/${server.bucket}/film.mp4`, { method: 'OPTIONS', headers })).status;
  }

  async replicate() {
    const { backupBucket, crons } = this.#stage.server;
    const copies = async () => (await this.#stage.filesOf('', backupBucket)).map(described);
    const outcome = await this.#stage.trigger(crons.hourly);
    const first = await copies();
    const originals = (await this.#stage.filesOf('')).map(described);
    assert.equal(outcome, 'ok');
    assert.deepEqual(
      first.map(({ key, size }) => [key, size]),
      originals.map(({ key, size }) => [key, size]),
    );
    await this.#stage.trigger(crons.hourly);
    assert.deepEqual(await copies(), first);
    return `cron "${crons.hourly}": ${first.length} objects to ${backupBucket}; the next hour copies 0`;
  }

  async callRpc() {
    const studio = await this.#stage.server.miniflare.getWorker('codex-studio');
    const call = async (method, id) => {
      const body = JSON.stringify({ method, id });
      return (await studio.fetch('http://studio/', { method: 'POST', body })).json();
    };
    const status = await call('status', this.#stage.ada.mediaId);
    assert.deepEqual(status, { status: 'ready', progress: 100 });
    assert.equal(await call('status', 'no-such-film'), null);
    assert.equal(await call('requestTranscoding', 'no-such-film'), false);
    assert.deepEqual(await call('purge', 'nobody'), { deleted: 0, failed: 0 });
    return `a second Worker by its service binding: status(…) is ${status.status}; of no such film: null; purge(…) of nobody: 0 deleted`;
  }

  async countEvents() {
    const { visitor, id } = this.#stage.ada;
    for (let read = 0; read < 2; read += 1) await visitor.expect(200, 'GET', `/api/creators/${id}/media`);
    const d1 = await this.#stage.server.miniflare.getD1Database('DB');
    const { results } = await d1.prepare('SELECT type, SUM(count) AS count FROM event_minutes GROUP BY type').all();
    const counts = Object.fromEntries(results.map(({ type, count }) => [type, count]));
    assert.equal(counts['rate-limit.denied'], 45);
    for (const type of ['cache.hit', 'cache.miss', 'cache.stale', 'session.hit']) assert.ok(counts[type] > 0, type);
    return `in D1, one batch an invocation: ${counts['cache.hit']} hits and ${counts['cache.miss']} misses of the cache, ${counts['rate-limit.denied']} logins denied`;
  }
}

function described({ key, size, lastModified }) {
  return { key, size, lastModified: lastModified.getTime() };
}
