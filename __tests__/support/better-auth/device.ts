import { BASE_URL } from './app.js';

/** An app under test, in this process or in a Worker. */
export interface AuthApp {
  handle(request: Request): Promise<Response>;
  /** The tokens of the magic links that were sent, oldest first. */
  links(): Promise<readonly string[]>;
  /** Moves the clock on for the app and its objects. */
  advance(ms: number): Promise<void>;
}

/** What an app says of a session. */
export interface SessionSeen {
  readonly session: { readonly token: string; readonly userId: string };
  readonly user: { readonly email: string };
}

/** A browser: it keeps its cookies. */
export class Device {
  readonly #app: AuthApp;
  readonly #ip: string;
  #cookies = new Map<string, string>();

  constructor(app: AuthApp, ip = '192.0.2.1') {
    this.#app = app;
    this.#ip = ip;
  }

  /** Another browser with the same cookies, what a thief has; in another place when told. */
  copy(app: AuthApp = this.#app): Device {
    const copy = new Device(app, this.#ip);
    copy.#cookies = new Map(this.#cookies);
    return copy;
  }

  get hasSessionCookie(): boolean {
    return [...this.#cookies.keys()].some((name) => name.endsWith('session_token'));
  }

  async get(path: string): Promise<Response> {
    return this.#send(path, { method: 'GET' });
  }

  async post(path: string, body: object = {}): Promise<Response> {
    return this.#send(path, { method: 'POST', body: JSON.stringify(body) });
  }

  async signUp(email: string): Promise<Response> {
    return this.post('/sign-up/email', { email, password: 'correct horse', name: 'Ada' });
  }

  async signIn(email: string): Promise<Response> {
    return this.post('/sign-in/email', { email, password: 'correct horse' });
  }

  async openLink(token: string): Promise<Response> {
    return this.get(`/magic-link/verify?token=${token}&callbackURL=%2Fhome`);
  }

  /** The session of the cookies, `null` when there is none. */
  async session(): Promise<SessionSeen | null> {
    const response = await this.get('/get-session');
    if (response.status !== 200) throw new Error(`get-session answered ${response.status}`);
    return response.json<SessionSeen | null>();
  }

  /** How many sessions the user of this one has, by Better Auth's own list. */
  async sessions(): Promise<readonly { readonly token: string }[]> {
    return (await this.get('/list-sessions')).json<{ token: string }[]>();
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const headers = {
      origin: BASE_URL,
      'cf-connecting-ip': this.#ip,
      'content-type': 'application/json',
      cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    };
    const response = await this.#app.handle(new Request(`${BASE_URL}/api/auth${path}`, { ...init, headers }));
    const { headers: answered } = response as { headers: { getSetCookie?(): string[] } };
    for (const line of answered.getSetCookie?.() ?? []) this.#keep(line);
    return response;
  }

  #keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ');
    const border = pair.indexOf('=');
    const [name, value] = [pair.slice(0, border), pair.slice(border + 1)];
    if (value === '' || attributes.includes('Max-Age=0')) this.#cookies.delete(name);
    else this.#cookies.set(name, value);
  }
}
