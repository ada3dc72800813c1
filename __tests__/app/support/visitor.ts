/** A browser as HTTP sees it: it keeps its cookies, sends its `Origin`, and follows nothing. */
export class Visitor {
  readonly #url: string;
  readonly #ip: string;
  readonly #cookies = new Map<string, string>();

  constructor(url: string, ip = '203.0.113.7') {
    this.#url = url;
    this.#ip = ip;
  }

  get cookie(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.send(path, { headers });
  }

  json(path: string, body: unknown, method = 'POST'): Promise<Response> {
    return this.send(path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  }

  /** Without a body: workerd closes the connection of one that nobody reads. */
  post(path: string, method = 'POST'): Promise<Response> {
    return this.send(path, { method });
  }

  form(path: string, fields: Record<string, string>): Promise<Response> {
    return this.send(path, { method: 'POST', headers: { accept: 'text/html' }, body: new URLSearchParams(fields) });
  }

  async send(
    path: string,
    { headers, ...init }: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> },
  ): Promise<Response> {
    const response = await fetch(this.#url + path, {
      redirect: 'manual',
      ...init,
      headers: {
        origin: this.#url,
        'cf-connecting-ip': this.#ip,
        'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0',
        ...(this.cookie !== '' && { cookie: this.cookie }),
        ...headers,
      },
    });
    // The app sets one at a time.
    const cookie = response.headers.get('set-cookie') ?? '';
    const [, name, value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    if (name !== undefined && /max-age=0/i.test(cookie)) this.#cookies.delete(name);
    else if (name !== undefined) this.#cookies.set(name, value);
    return response;
  }

  async login({ email, password }: { email: string; password: string }): Promise<this> {
    const response = await this.json('/api/auth/login', { email, password });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return this;
  }
}

/** The JSON of an answer. */
export async function jsonOf<T = Record<string, unknown>>(response: Response | Promise<Response>): Promise<T> {
  return (await response).json<T>();
}
