import { randomBytes } from 'node:crypto';
import type { SoakClient } from './client.js';
import { jsonOf, type Notes } from './notes.js';
import { cookieOf, type People, type Person } from './people.js';
import type { Fate, Step, Traffic } from './plan.js';
import { MIB, sha256, type Uploads } from './uploads.js';

const ATTEMPTS_AT_ONCE = 10;
const PART_BYTES = 5 * MIB;

/** A file of the sample. */
export interface SampleFile {
  readonly folder: string;
  readonly path: string;
  readonly bytes: Buffer;
}

/** What the traffic is made with. */
export interface Surroundings {
  readonly client: SoakClient;
  readonly notes: Notes;
  readonly people: People;
  readonly uploads: Uploads;
  readonly url: string;
  readonly sample: readonly SampleFile[];
}

/** Does the steps of a plan. */
export class Crowd {
  readonly #around: Surroundings;
  readonly #creators: Person[] = [];
  readonly #retired: string[] = [];
  #guessers = 0;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** Signs creators up and publishes a film of each: nothing befalls this. */
  async prepare(count: number): Promise<void> {
    const { people, uploads, sample } = this.#around;
    for (let index = 0; index < count; index += 1) {
      const person = await people.signUp();
      await people.logIn(person, 'prepare');
      await people.logIn(person, 'prepare');
      const mediaId = (await uploads.create(person)) ?? '';
      for (const { folder, path, bytes } of sample) {
        if (folder === 'hls') await uploads.through(person, { folder, path, body: bytes, mediaId });
      }
      person.filmId = mediaId;
      await this.#publish(person, mediaId);
      this.#creators.push(person);
    }
  }

  /** Does one step; whatever it sees goes to the notes. */
  step({ traffic, fate, dice: [first = 0, second = 0, third = 0] }: Step): Promise<void> {
    const person = this.#creators[Math.floor(first * this.#creators.length)] ?? this.#nobody();
    const acts: Record<Traffic, () => Promise<void>> = {
      list: () => this.#list(person, fate),
      me: () => this.#visit(person, second, fate),
      play: async () => {
        await this.#play(person, fate);
      },
      hls: () => this.#segment(person, second, fate),
      login: () => this.#logIn(person, fate),
      logout: () => this.#logOut(person, fate),
      'logout everywhere': () => this.#logOutEverywhere(fate),
      limit: () => this.#guess(fate),
      publish: () => this.#publishAnother(person, fate),
      upload: async () => {
        const body = randomBytes(50_000 + Math.floor(third * 400_000));
        await this.#around.uploads.through(person, { folder: 'originals', path: 'clip.mp4', body }, fate);
      },
      'upload signed': () => this.#around.uploads.signed(person, randomBytes(50_000), third, fate),
      'upload in parts': () =>
        this.#around.uploads.inParts(person, [randomBytes(PART_BYTES), randomBytes(100_000)], third, fate),
    };
    return acts[traffic]();
  }

  /** Shows every session that was ended once more, and asks each counter where it stands. */
  async finish(): Promise<{ readonly name: string; readonly value: number }[]> {
    const { notes, people, client, url } = this.#around;
    for (const token of notes.endedAt.keys()) await people.visit(token);
    for (const person of this.#creators) await this.#list(person);
    const values = [];
    for (const name of notes.views.keys()) {
      const answer = await client.send({ name: 'finish', url: `${url}/api/media/${name}/views` });
      values.push({ name, value: jsonOf<{ views: number }>(answer).views });
    }
    return values;
  }

  async #list(person: Person, fate?: Fate): Promise<void> {
    const { client, notes, url } = this.#around;
    const answer = await client.send({ name: 'list', url: `${url}/api/creators/${person.id}/media`, fate });
    if (!notes.expect(answer, 200)) return;
    const items = jsonOf<{ id: string; creatorId: string }[]>(answer);
    // A read that is behind by order is not held against the bound, but against its tenant.
    notes.reads.push({ creatorId: person.id, sentAt: answer.sentAt, items });
  }

  async #visit(person: Person, dice: number, fate: Fate): Promise<void> {
    const isRetired = dice < 0.4 && this.#retired.length > 0;
    const tokens = isRetired ? this.#retired : person.tokens;
    const token = tokens[Math.floor(((dice * 10) % 1) * tokens.length)];
    if (token !== undefined) await this.#around.people.visit(token, fate);
  }

  async #play(person: Person, fate?: Fate): Promise<string | null> {
    const { client, notes, url } = this.#around;
    const cookie = cookieOf(person.tokens[0]);
    const answer = await client.send({ name: 'play', url: `${url}/api/media/${person.filmId}/play`, cookie, fate });
    notes.counted(person.filmId, answer);
    return notes.expect(answer, 200) ? jsonOf<{ url: string }>(answer).url : null;
  }

  async #segment(person: Person, dice: number, fate: Fate): Promise<void> {
    const { client, notes, url, sample } = this.#around;
    const path = await this.#play(person);
    const files = sample.filter(({ folder }) => folder === 'hls');
    const file = files[Math.floor(dice * files.length)];
    if (path === null || file === undefined) return;
    const answer = await client.send({ name: 'hls', url: url + path.replace('master.m3u8', file.path), fate });
    if (!notes.expect(answer, 200)) return;
    notes.segments.push({ name: file.path, sent: sha256(file.bytes), received: sha256(answer.body) });
  }

  async #logIn(person: Person, fate: Fate): Promise<void> {
    const { people } = this.#around;
    const token = await people.logIn(person, 'login', fate);
    if (token !== null) await people.visit(token);
  }

  async #logOut(person: Person, fate: Fate): Promise<void> {
    // The first one stays, for what needs a session.
    const token =
      person.tokens.length > 1 ? person.tokens.at(-1) : ((await this.#around.people.logIn(person)) ?? undefined);
    if (token === undefined || token === person.tokens[0]) return;
    await this.#around.people.logOut(person, token, false, fate);
    this.#retired.push(token);
  }

  async #logOutEverywhere(fate: Fate): Promise<void> {
    const { people } = this.#around;
    const person = await people.signUp();
    const tokens = [await people.logIn(person), await people.logIn(person)];
    const [token] = tokens;
    if (token == null) return;
    await people.logOut(person, token, true, fate);
    this.#retired.push(...tokens.filter((each) => each !== null));
    for (const each of tokens) if (each !== null) await people.visit(each);
  }

  async #guess(fate: Fate): Promise<void> {
    const { client, notes, url } = this.#around;
    const identifier = `guesser-${(this.#guessers += 1)}@example.com`;
    if (fate.fault?.times === Infinity) notes.withoutObjects.add(identifier);
    const json = { email: identifier, password: 'a guess' };
    const attempt = async (): Promise<void> => {
      const answer = await client.send({ name: 'limit', method: 'POST', url: `${url}/api/login`, json, fate });
      if (!notes.expect(answer, 401, 429) || answer.status === 429) return;
      notes.accepted.push({ identifier, sentAt: answer.sentAt, answeredAt: answer.answeredAt });
    };
    await Promise.all(Array.from({ length: ATTEMPTS_AT_ONCE }, attempt));
  }

  async #publishAnother(person: Person, fate: Fate): Promise<void> {
    const mediaId = await this.#around.uploads.create(person);
    if (mediaId !== null) await this.#publish(person, mediaId, fate);
  }

  async #publish(person: Person, mediaId: string, fate?: Fate): Promise<void> {
    const { client, notes, url } = this.#around;
    const cookie = cookieOf(person.tokens[0]);
    const answer = await client.send({
      name: 'publish',
      method: 'POST',
      url: `${url}/api/media/${mediaId}/publish`,
      cookie,
      fate,
    });
    if (!notes.expect(answer, 202)) return;
    // An invalidation that KV did not take leaves lists to their TTL, which is longer than a short run.
    const isInvalidated = fate?.fault == null || !fate.fault.kind.startsWith('kv-');
    if (isInvalidated) notes.published.push({ creatorId: person.id, mediaId, at: answer.answeredAt });
  }

  #nobody(): never {
    throw new Error('No creator was prepared.');
  }
}
