import { createHash } from 'node:crypto';
import { CloudflareClientError, type ErrorCode } from '../../../../src/errors.js';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { internalsOf, keepInternals } from '../../../../src/clients/r2/r2-internals.js';
import type {
  ObjectHeaders,
  ObjectStore,
  StoreBody,
  StoreInfo,
  StoreListed,
} from '../../../../src/clients/r2/store/object-store.js';

/** One call, before it is done. A test may hold it back or fail it. */
export interface StoreCall {
  readonly operation: string;
  readonly key: string;
  readonly store: MemoryStore;
}

interface Kept extends StoreInfo {
  readonly bytes: Uint8Array;
}

/** Objects of one bucket in memory, as the port has them, in pages of any size. What it does, it does at once, after `before`. */
export class MemoryStore implements ObjectStore {
  readonly objects: Map<string, Kept>;
  readonly calls: StoreCall[] = [];
  before: (call: StoreCall) => Promise<void> | void = () => undefined;
  #uploads = new Map<string, { headers: ObjectHeaders; parts: Map<number, Uint8Array> }>();
  #time = 0;
  readonly #pageKeys: number;

  /** @param objects those of another store, for a second way to the same bucket. */
  constructor(pageKeys = 1000, objects = new Map<string, Kept>()) {
    this.objects = objects;
    this.#pageKeys = pageKeys;
  }

  /** Stores at once, as somebody else. */
  write(key: string, text: string): void {
    this.#keep(key, new TextEncoder().encode(text), { contentType: 'text/plain', metadata: {} });
  }

  /** Keys and tags. */
  contents(): Record<string, string> {
    return Object.fromEntries([...this.objects].sort().map(([key, { etag }]) => [key, etag]));
  }

  count(operation: string): number {
    return this.calls.filter((call) => call.operation === operation).length;
  }

  async put(request: Parameters<ObjectStore['put']>[0]) {
    const bytes = await bytesOf(request.body);
    await this.#call('put', request.key);
    const { ifMatch, ifNoneMatch } = request.conditions ?? {};
    const there = this.objects.get(request.key);
    if (ifMatch !== undefined && there?.etag !== ifMatch) throw failed('R2_PRECONDITION_FAILED');
    if (ifNoneMatch === '*' && there !== undefined) throw failed('R2_PRECONDITION_FAILED');
    if (request.md5 !== undefined && Buffer.from(request.md5).toString('hex') !== md5(bytes)) {
      throw failed('R2_CHECKSUM_MISMATCH');
    }
    return this.#keep(request.key, bytes, request.headers);
  }

  async get(request: Parameters<ObjectStore['get']>[0]): ReturnType<ObjectStore['get']> {
    await this.#call('get', request.key);
    const kept = this.objects.get(request.key);
    if (kept === undefined) return { status: 'missing' };
    if (![undefined, kept.etag].includes(request.conditions?.ifMatch)) throw failed('R2_PRECONDITION_FAILED');
    const range = request.range as { offset: number; length: number } | undefined;
    const bytes = range === undefined ? kept.bytes : kept.bytes.subarray(range.offset, range.offset + range.length);
    return {
      status: 'found',
      info: kept,
      range: range ?? null,
      body: new Blob([bytes.slice()]).stream() as ReadableStream<Uint8Array>,
    };
  }

  async head(request: Parameters<ObjectStore['head']>[0]): ReturnType<ObjectStore['head']> {
    await this.#call('head', request.key);
    const kept = this.objects.get(request.key);
    return kept === undefined ? { status: 'missing' } : { status: 'found', info: kept };
  }

  async delete(request: Parameters<ObjectStore['delete']>[0]): Promise<void> {
    await this.#call('delete', request.key);
    this.objects.delete(request.key);
  }

  async deleteMany(request: Parameters<ObjectStore['deleteMany']>[0]) {
    await this.#call('deleteMany', '');
    for (const key of request.keys) this.objects.delete(key);
    return [];
  }

  async list(request: Parameters<ObjectStore['list']>[0]): ReturnType<ObjectStore['list']> {
    await this.#call('list', request.prefix);
    const after = Buffer.from(request.token ?? request.startAfter ?? '');
    const all = [...this.objects.values()]
      .filter(({ key }) => key.startsWith(request.prefix) && Buffer.compare(Buffer.from(key), after) > 0)
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
    const files = all.slice(0, Math.min(this.#pageKeys, request.maxKeys)) as unknown as StoreListed[];
    return { files, prefixes: [], token: files.length < all.length ? files.at(-1)!.key : undefined };
  }

  async copy(): Promise<never> {
    await this.#call('copy', '');
    throw failed('R2_NOT_SUPPORTED');
  }

  async createUpload(request: Parameters<ObjectStore['createUpload']>[0]): Promise<string> {
    await this.#call('createUpload', request.key);
    const id = `upload-${this.#uploads.size}`;
    this.#uploads.set(id, { headers: request.headers, parts: new Map() });
    return id;
  }

  async uploadPart(request: Parameters<ObjectStore['uploadPart']>[0]) {
    const bytes = await bytesOf(request.body);
    await this.#call('uploadPart', request.key);
    this.#uploads.get(request.uploadId)!.parts.set(request.partNumber, bytes);
    return { etag: md5(bytes) };
  }

  async completeUpload(request: Parameters<ObjectStore['completeUpload']>[0]) {
    await this.#call('completeUpload', request.key);
    const { headers, parts } = this.#uploads.get(request.uploadId)!;
    const all = request.parts.map(({ partNumber }) => parts.get(partNumber)!);
    const etag = `${md5(Buffer.concat(all.map((part) => Buffer.from(md5(part), 'hex'))))}-${all.length}`;
    return this.#keep(request.key, new Uint8Array(Buffer.concat(all)), headers, etag);
  }

  async abortUpload(): Promise<void> {
    await this.#call('abortUpload', '');
  }

  async listParts(): Promise<never> {
    throw failed('R2_NOT_SUPPORTED');
  }

  async listUploads(): Promise<never> {
    throw failed('R2_NOT_SUPPORTED');
  }

  async #call(operation: string, key: string): Promise<void> {
    const call = { operation, key, store: this };
    this.calls.push(call);
    await this.before(call);
  }

  #keep(key: string, bytes: Uint8Array, headers: ObjectHeaders, etag = md5(bytes)): { etag: string } {
    const lastModified = new Date((this.#time += 1000));
    this.objects.set(key, { ...headers, key, bytes, size: bytes.byteLength, etag, lastModified });
    return { etag };
  }
}

/** A client whose objects are in `store`, whatever the bucket. */
export function clientWith(store: ObjectStore): R2Client {
  const options = { wait: () => Promise.resolve() };
  const client = new R2Client({ accountId: 'a', accessKeyId: 'b', secretAccessKey: 'c' }, options);
  keepInternals(client, { ...internalsOf(client), storeOf: () => store });
  return client;
}

export function failed(code: ErrorCode): CloudflareClientError {
  return new CloudflareClientError(code, `A fault of the test: ${code}.`);
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}

async function bytesOf(body: StoreBody): Promise<Uint8Array> {
  return body instanceof Uint8Array ? body : new Uint8Array(await new Response(body as BodyInit).arrayBuffer());
}
