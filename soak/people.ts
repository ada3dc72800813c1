import type { SoakClient } from './client.js';
import { type Exchange } from './client.js';
import type { Notes } from './notes.js';
import { jsonOf } from './notes.js';
import type { Fate } from './plan.js';

export const PASSWORD = 'correct horse battery staple';

/** A creator with sessions and media. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly tokens: string[];
  /** A film with HLS files, published before the traffic begins. */
  filmId: string;
}

/** Signs people up, in and out. */
export class People {
  readonly #client: SoakClient;
  readonly #notes: Notes;
  readonly #url: string;
  #count = 0;

  constructor(client: SoakClient, notes: Notes, url: string) {
    this.#client = client;
    this.#notes = notes;
    this.#url = url;
  }

  async signUp(name = 'sign up'): Promise<Person> {
    const email = `person-${(this.#count += 1)}@example.com`;
    const json = { email, name: 'A person', password: PASSWORD };
    const answer = await this.#client.send({ name, method: 'POST', url: `${this.#url}/api/signup`, json });
    if (!this.#notes.expect(answer, 201))
      throw new Error(`sign up: ${answer.outcome} ${answer.status} ${answer.body.toString()}`);
    return { id: jsonOf<{ id: string }>(answer).id, email, tokens: [], filmId: '' };
  }

  /** Signs in; keeps the token where there is one. */
  async logIn(person: Person, name = 'login', fate?: Fate): Promise<string | null> {
    const json = { email: person.email, password: PASSWORD };
    const answer = await this.#client.send({ name, method: 'POST', url: `${this.#url}/api/login`, json, fate });
    // Those who cut the connection right away, or whose attempts were not reset, are limited in the end.
    if (!this.#notes.expect(answer, 200, 429) || answer.status === 429) return null;
    const token = /codex-session=([0-9a-f]{64})/.exec(answer.headers['set-cookie']?.[0] ?? '')?.[1] ?? null;
    if (token !== null) person.tokens.push(token);
    return token;
  }

  me(token: string, name: string, fate?: Fate): Promise<Exchange> {
    return this.#client.send({ name, url: `${this.#url}/api/me`, cookie: cookieOf(token), fate });
  }

  /** Asks who is signed in, and notes when somebody is. */
  async visit(token: string, fate?: Fate): Promise<void> {
    const answer = await this.me(token, 'me', fate);
    if (answer.outcome !== 'answered') return;
    if (answer.status === 200) this.#notes.signedIn.push({ token, sentAt: answer.sentAt });
    else if (!this.#notes.ending.has(token)) this.#notes.expect(answer, 200);
  }

  /** Ends one session, or all of a person. */
  async logOut(person: Person, token: string, everywhere: boolean, fate?: Fate): Promise<void> {
    const name = everywhere ? 'logout everywhere' : 'logout';
    const url = `${this.#url}/api/${everywhere ? 'logout-everywhere' : 'logout'}`;
    const tokens = everywhere ? [...person.tokens] : [token];
    for (const each of tokens) {
      person.tokens.splice(person.tokens.indexOf(each), 1);
      this.#notes.ending.add(each);
    }
    const answer = await this.#client.send({ name, method: 'POST', url, cookie: cookieOf(token), fate });
    if (!this.#notes.expect(answer, 200)) return;
    for (const each of tokens) this.#notes.endedAt.set(each, answer.answeredAt);
  }
}

/** The cookie of a session. */
export function cookieOf(token: string | undefined): string {
  return `codex-session=${token ?? ''}`;
}
