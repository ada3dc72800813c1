import assert from 'node:assert/strict';

/** A visitor of the Worker: a fetch that keeps its session cookie, as a browser would. */
export class Visitor {
  #origin;
  #cookie;

  constructor(origin, cookie = '') {
    this.#origin = origin;
    this.#cookie = cookie;
  }

  /** The cookie as it is now, to be shown again after a logout. */
  get cookie() {
    return this.#cookie;
  }

  async send(method, path, { json, body } = {}) {
    const response = await fetch(this.#origin + path, {
      method,
      headers: { cookie: this.#cookie, ...(json !== undefined && { 'content-type': 'application/json' }) },
      body: json === undefined ? body : JSON.stringify(json),
    });
    const setCookie = response.headers.get('set-cookie');
    if (setCookie !== null) this.#cookie = setCookie.split(';')[0];
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  /** Sends, and fails unless the answer has this status. */
  async expect(status, method, path, content) {
    const answer = await this.send(method, path, content);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  }
}
