import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { Visitor } from '../visitor.mjs';

/** What the account service tells the Worker: signed, once, and not too late. */
export class WebhookSteps {
  #stage;
  #event;

  constructor(stage) {
    this.#stage = stage;
  }

  async revoke() {
    const { visitor, id, email, password } = this.#stage.grace;
    const other = new Visitor(this.#stage.server.url);
    await other.expect(200, 'POST', '/api/login', { json: { email, password } });
    for (const device of [visitor, other]) await device.expect(200, 'GET', '/api/me');
    this.#event = JSON.stringify({ id: randomUUID(), type: 'password.changed', userId: id });
    const { status, body } = await this.#send(this.#event);
    assert.deepEqual([status, body], [200, { status: 'done', ended: 2 }]);
    for (const device of [visitor, other]) await device.expect(401, 'GET', '/api/me');
    await this.#stage.ada.visitor.expect(200, 'GET', '/api/me');
    return `password.changed: ${body.ended} sessions ended, also on the second device, from its next request on; another user stays`;
  }

  async refuse() {
    const { visitor, id, email, password } = this.#stage.grace;
    await visitor.expect(200, 'POST', '/api/login', { json: { email, password } });
    const other = JSON.stringify({ id: randomUUID(), type: 'user.disabled', userId: id });
    const forged = await this.#send(other, { secret: 'a guess' });
    const old = await this.#send(other, { ageSeconds: 600 });
    const again = await this.#send(this.#event);
    assert.deepEqual([forged.status, old.status, again.status], [401, 401, 200]);
    assert.equal(again.body.status, 'done before');
    await visitor.expect(200, 'GET', '/api/me');
    return `forged: 401; ten minutes old: 401; the same event again: "${again.body.status}", and the new session stays`;
  }

  async #send(body, { secret = this.#stage.server.webhookSecret, ageSeconds = 0 } = {}) {
    const timestamp = String(Math.floor(Date.now() / 1000) - ageSeconds);
    const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
    const headers = { 'x-codex-timestamp': timestamp, 'x-codex-signature': signature };
    const response = await fetch(`${this.#stage.server.url}/hooks/accounts`, { method: 'POST', headers, body });
    return { status: response.status, body: await response.json() };
  }
}
