import assert from 'node:assert/strict';
import { Visitor } from '../visitor.mjs';
import { CONCURRENT_REQUESTS } from './stage.mjs';

/** Signing in and out, sessions, and the limit of logins. */
export class AccountSteps {
  #stage;

  constructor(stage) {
    this.#stage = stage;
  }

  async logIn() {
    for (const user of [this.#stage.ada, this.#stage.grace]) {
      const { visitor, email, name, password } = user;
      const { body } = await visitor.expect(201, 'POST', '/api/signup', { json: { email, name, password } });
      user.id = body.id;
      const { headers } = await visitor.expect(200, 'POST', '/api/login', { json: { email, password } });
      assert.match(headers.get('set-cookie') ?? '', /^codex-session=[0-9a-f]{64};.*HttpOnly/);
    }
    this.#stage.showcase.creatorId = this.#stage.ada.id;
    return 'two users, each with a session cookie (HttpOnly)';
  }

  async readSession() {
    const { visitor, id } = this.#stage.ada;
    const sources = [await this.#sessionSource(visitor, id)];
    // As if it had run out: what `delete` ends stays ended.
    const sessions = await this.#stage.server.miniflare.getKVNamespace('AUTH_SESSION_KV');
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

  async tryPasswords() {
    const visitor = new Visitor(this.#stage.server.url);
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

  async interleave() {
    const users = Array.from({ length: CONCURRENT_REQUESTS }, (_, index) =>
      index % 2 ? this.#stage.ada : this.#stage.grace,
    );
    const answers = await Promise.all(users.map(({ visitor }) => visitor.expect(200, 'GET', '/api/me')));
    const mixed = answers.filter(({ body }, index) => body.id !== users[index].id).length;
    assert.equal(mixed, 0);
    return `${answers.length} at once, ${CONCURRENT_REQUESTS / 2} of each: everyone saw their own session`;
  }

  async logOut() {
    const { visitor } = this.#stage.grace;
    const old = new Visitor(this.#stage.server.url, visitor.cookie);
    await old.expect(200, 'GET', '/api/me');
    await visitor.expect(200, 'POST', '/api/logout');
    const { body } = await old.expect(401, 'GET', '/api/me');
    return `the old cookie is refused: 401 "${body.error}"`;
  }

  async logOutEverywhere() {
    const { email, password } = this.#stage.grace;
    const devices = Array.from({ length: 3 }, () => new Visitor(this.#stage.server.url));
    for (const device of devices) await device.expect(200, 'POST', '/api/login', { json: { email, password } });
    const cookies = devices.map(({ cookie }) => new Visitor(this.#stage.server.url, cookie));
    await Promise.all(cookies.map((device) => device.expect(200, 'GET', '/api/me')));
    const { body } = await devices[0].expect(200, 'POST', '/api/logout-everywhere');
    assert.equal(body.ended, devices.length);
    await Promise.all(cookies.map((device) => device.expect(401, 'GET', '/api/me')));
    await this.#stage.ada.visitor.expect(200, 'GET', '/api/me');
    return `from one of ${devices.length} devices: the next request of each is refused, by an object and not by KV; another user stays`;
  }
}
