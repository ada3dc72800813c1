import { createHash } from 'node:crypto';
import type { SoakClient } from './client.js';
import { jsonOf, type Notes } from './notes.js';
import { cookieOf, type Person } from './people.js';
import type { Fate } from './plan.js';

const MIB = 1024 * 1024;
const ATTEMPTS = 5;

/** Lets a fault befall the next request to S3 that fits. */
export type S3Faults = (
  when: (request: { readonly operation: string; readonly path: string }) => boolean,
  fault: { readonly status: number } | { readonly cut: 'request' | 'response'; readonly afterBytes?: number },
) => void;

/** Uploads of three kinds: through the Worker, signed, and in parts. What is reported as done is noted with its digest. */
export class Uploads {
  readonly #client: SoakClient;
  readonly #notes: Notes;
  readonly #url: string;
  readonly #s3: S3Faults;

  constructor(client: SoakClient, notes: Notes, url: string, s3: S3Faults) {
    this.#client = client;
    this.#notes = notes;
    this.#url = url;
    this.#s3 = s3;
  }

  /** Makes a media item. */
  async create(person: Person, name = 'create'): Promise<string | null> {
    const url = `${this.#url}/api/media`;
    const answer = await this.#client.send({
      name,
      method: 'POST',
      url,
      cookie: cookieOf(person.tokens[0]),
      json: { title: 'A film' },
    });
    return this.#notes.expect(answer, 201) ? jsonOf<{ id: string }>(answer).id : null;
  }

  /** Streams a file through the Worker. */
  async through(
    person: Person,
    file: { folder: string; path: string; body: Buffer; mediaId?: string },
    fate?: Fate,
  ): Promise<boolean> {
    const { folder, path, body } = file;
    const mediaId = file.mediaId ?? (await this.create(person));
    if (mediaId === null) return false;
    const url = `${this.#url}/api/media/${mediaId}/${folder}/${path}`;
    const answer = await this.#client.send({
      name: 'upload',
      method: 'PUT',
      url,
      cookie: cookieOf(person.tokens[0]),
      body,
      fate,
    });
    const isDone = this.#notes.expect(answer, 200);
    if (isDone) this.#stored(`${person.id}/${folder}/${mediaId}/${path}`, body);
    return isDone;
  }

  /** One signed PUT, tried again as a browser's uploader does. */
  async signed(person: Person, body: Buffer, dice: number, fate?: Fate): Promise<void> {
    const mediaId = await this.create(person);
    if (mediaId === null) return;
    const url = `${this.#url}/api/media/${mediaId}/upload`;
    const json = { name: 'clip.mp4', size: String(body.length) };
    const answer = await this.#client.send({
      name: 'upload signed',
      method: 'POST',
      url,
      cookie: cookieOf(person.tokens[0]),
      json,
      fate,
    });
    if (!this.#notes.expect(answer, 200)) return;
    const signed = jsonOf<{ url: string; headers: Record<string, string> }>(answer);
    const key = `${person.id}/originals/${mediaId}/clip.mp4`;
    this.#befall('PutObject', mediaId, dice, body.length);
    // Written once: a second attempt after a reply that was lost finds it there.
    if ((await this.#put(signed.url, signed.headers, body, [200, 412])) !== null) this.#stored(key, body);
  }

  /** An upload in parts, as Uppy does it: the Worker begins and completes it, the bytes go to the bucket. */
  async inParts(person: Person, bodies: readonly Buffer[], dice: number, fate?: Fate): Promise<void> {
    const name = 'upload in parts';
    const cookie = cookieOf(person.tokens[0]);
    const base = `${this.#url}/api/uploads/s3/multipart`;
    const prefix = `${person.id}/originals/uploads/`;
    this.#befall(
      OPERATIONS[Math.floor(dice * OPERATIONS.length)] ?? 'UploadPart',
      prefix,
      (dice * 7) % 1,
      bodies[0]?.length ?? 0,
    );
    const json = { filename: 'long film.mp4', type: 'video/mp4', metadata: {} };
    const begun = await this.#client.send({ name, method: 'POST', url: base, cookie, json, fate });
    if (!this.#notes.expect(begun, 200)) return;
    const { key, uploadId } = jsonOf<{ key: string; uploadId: string }>(begun);
    const path = `${base}/${encodeURIComponent(uploadId)}`;
    const query = `?key=${encodeURIComponent(key)}`;
    const parts: { PartNumber: number; ETag: string }[] = [];
    for (const [index, body] of bodies.entries()) {
      const answer = await this.#client.send({ name, url: `${path}/${index + 1}${query}`, cookie });
      if (!this.#notes.expect(answer, 200)) return;
      const etag = await this.#put(jsonOf<{ url: string }>(answer).url, {}, body, [200]);
      if (etag === null) return;
      parts.push({ PartNumber: index + 1, ETag: etag });
    }
    const done = await this.#client.send({
      name,
      method: 'POST',
      url: `${path}/complete${query}`,
      cookie,
      json: { parts },
    });
    if (this.#notes.expect(done, 200)) this.#stored(key, Buffer.concat(bodies));
  }

  /** The tag of what was put, after as many attempts as it took; `null` when none went well. */
  async #put(
    url: string,
    headers: Record<string, string>,
    body: Buffer,
    done: readonly number[],
  ): Promise<string | null> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const answer = await this.#client.send({ name: 's3 put', method: 'PUT', url, headers, body });
      if (answer.outcome === 'answered' && done.includes(answer.status)) return answer.headers.etag ?? '';
      this.#notes.retried('s3 put');
    }
    this.#notes.surprises.push(`a PUT to S3 failed ${ATTEMPTS} times`);
    return null;
  }

  #befall(operation: string, part: string, dice: number, bytes: number): void {
    // Asked until it fits once: the fault then befalls that request.
    const fits =
      (kind: '500' | 'cut') =>
      ({ operation: asked, path }: { operation: string; path: string }): boolean => {
        const isIt = asked === operation && decodeURIComponent(path).includes(part);
        if (isIt) this.#notes.befell(kind);
        return isIt;
      };
    if (dice < 0.25) this.#s3(fits('500'), { status: 500 });
    else if (dice < 0.5) this.#s3(fits('cut'), { cut: 'response', afterBytes: 0 });
    else if (dice < 0.75) this.#s3(fits('cut'), { cut: 'request', afterBytes: Math.floor(bytes / 2) });
  }

  #stored(key: string, body: Buffer): void {
    this.#notes.uploads.push({ key, sha256: sha256(body) });
  }
}

const OPERATIONS = ['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'];
export { MIB };

/** The digest of some bytes, in hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
