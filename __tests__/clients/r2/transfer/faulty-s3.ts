import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a request asks for. */
export type Stage = 'put' | 'create' | 'part' | 'complete' | 'abort' | 'get' | 'head' | 'listParts';

/**
 * What goes wrong with a request: `cutBefore` its body is read, in the `middle` of it, after it was `received` without effect, or after it took
 * effect (`answerLost`). `cutBody` and `stallBody` are the answer's. The others are answers of the server.
 */
export type Fault =
  | 'cutBefore'
  | 'cutMiddle'
  | 'cutReceived'
  | 'answerLost'
  | 'cutBody'
  | 'stallBody'
  | 'silence'
  | { readonly status: number; readonly code?: string; readonly headers?: Record<string, string> }
  | { readonly damage: 'request' | 'answer' };

export interface StoredObject {
  readonly bytes: Buffer;
  readonly etag: string;
}

const MIDDLE_BYTES = 1_000_000;

/** An S3 server of one bucket in memory, whose requests fail as a test says. It keeps account of what is stored, and verifies no signature. */
export class FaultyS3 {
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, Map<number, StoredObject>>();
  /** The stages of the requests that came, in their order. */
  readonly seen: Stage[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  endpoint = '';
  partsInFlight = 0;
  mostPartsInFlight = 0;
  /** Called with each request before it is answered. */
  onRequest: (stage: Stage) => void = () => undefined;
  /** The server does not know ListParts, as Miniflare. */
  canListParts = true;
  /** Tags of parts that say nothing of their content, as R2's. */
  opaqueParts = false;
  readonly #faults: { readonly stage: Stage; readonly fault: Fault; left: number; skip: number }[] = [];
  readonly #server = createServer((request, response) => {
    request.on('error', () => undefined);
    void this.#handle(request, response);
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.endpoint = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  reset(): void {
    this.objects.clear();
    this.uploads.clear();
    this.seen.length = 0;
    this.headers.length = 0;
    this.#faults.length = 0;
    this.onRequest = () => undefined;
    this.canListParts = true;
    this.opaqueParts = false;
    this.mostPartsInFlight = 0;
  }

  /** The next `times` requests of this stage fail, after `skip` that do not. */
  fail(stage: Stage, fault: Fault, { times = 1, skip = 0 } = {}): void {
    this.#faults.push({ stage, fault, left: times, skip });
  }

  store(key: string, bytes: Buffer): void {
    this.objects.set(key, { bytes, etag: md5(bytes) });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const url = new URL(request.url ?? '', this.endpoint);
    const stage = stageOf(request.method ?? '', url);
    const fault = this.#faultFor(stage);
    this.seen.push(stage);
    this.headers.push(request.headers);
    this.onRequest(stage);
    if (fault === 'cutBefore') return void socket.destroy();
    if (stage === 'part') this.mostPartsInFlight = Math.max(this.mostPartsInFlight, (this.partsInFlight += 1));
    const body = await read(request, fault === 'cutMiddle' ? MIDDLE_BYTES : Infinity);
    if (stage === 'part') this.partsInFlight -= 1;
    if (body === null || fault === 'cutMiddle' || fault === 'cutReceived') return void socket.destroy();
    if (fault === 'silence') return;
    if (typeof fault === 'object' && 'status' in fault) {
      refuse(response, fault.status, fault.code ?? 'InternalError', fault.headers);
      return;
    }
    if (typeof fault === 'object' && fault.damage === 'request') body[0] = (body[0] ?? 0) ^ 1;
    if (fault === 'answerLost') {
      this.#answer(stage, url, request, body, { end: () => undefined, writeHead: () => ({ end: () => undefined }) });
      return void socket.destroy();
    }
    this.#answer(stage, url, request, body, isOfAnswer(fault) ? faulty(response, fault) : response);
  }

  #faultFor(stage: Stage): Fault | undefined {
    const found = this.#faults.find((each) => each.stage === stage && each.left > 0);
    if (found === undefined) return undefined;
    if (found.skip > 0) {
      found.skip -= 1;
      return undefined;
    }
    found.left -= 1;
    return found.fault;
  }

  #answer(stage: Stage, url: URL, request: IncomingMessage, body: Buffer, response: Answerer): void {
    const key = decodeURIComponent(url.pathname.split('/').slice(2).join('/'));
    const parts = this.uploads.get(url.searchParams.get('uploadId') ?? '');
    const sent = request.headers['content-md5'];
    if (sent !== undefined && sent !== createHash('md5').update(body).digest('base64')) {
      refuse(response, 400, 'BadDigest');
      return;
    }
    if (stage === 'get' || stage === 'head') {
      this.#read(key, request, response);
      return;
    }
    if (stage === 'put') {
      this.store(key, body);
      return void response.writeHead(200, { etag: `"${md5(body)}"` }).end();
    }
    if (stage === 'create') {
      const id = `upload-${this.uploads.size + this.seen.length}`;
      this.uploads.set(id, new Map());
      xml(response, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
      return;
    }
    if (parts === undefined) {
      refuse(response, 404, 'NoSuchUpload');
      return;
    }
    this.#ofUpload(stage, url, body, { key, parts, response });
  }

  #ofUpload(
    stage: Stage,
    url: URL,
    body: Buffer,
    { key, parts, response }: { key: string; parts: Map<number, StoredObject>; response: Answerer },
  ): void {
    const id = url.searchParams.get('uploadId') ?? '';
    if (stage === 'part') {
      const etag = this.opaqueParts ? `opaque-${md5(body)}-part` : md5(body);
      parts.set(Number(url.searchParams.get('partNumber')), { bytes: body, etag });
      return void response.writeHead(200, { etag: `"${etag}"` }).end();
    }
    if (stage === 'listParts') {
      if (!this.canListParts) {
        refuse(response, 501, 'NotImplemented');
        return;
      }
      const each = Array.from(
        parts,
        ([number, { bytes, etag }]) =>
          `<Part><PartNumber>${number}</PartNumber><ETag>"${etag}"</ETag><Size>${bytes.length}</Size></Part>`,
      );
      xml(
        response,
        `<ListPartsResult><UploadId>${id}</UploadId><IsTruncated>false</IsTruncated>${each.join('')}</ListPartsResult>`,
      );
      return;
    }
    this.uploads.delete(id);
    if (stage === 'abort') return void response.writeHead(204, {}).end();
    const numbers = Array.from(body.toString().matchAll(/<PartNumber>(\d+)</g), ([, number]) => Number(number));
    const chosen = numbers.map((number) => parts.get(number)!.bytes);
    const etag = `${md5(Buffer.concat(chosen.map((bytes) => createHash('md5').update(bytes).digest())))}-${chosen.length}`;
    this.objects.set(key, { bytes: Buffer.concat(chosen), etag });
    xml(response, `<CompleteMultipartUploadResult><ETag>"${etag}"</ETag></CompleteMultipartUploadResult>`);
  }

  #read(key: string, request: IncomingMessage, response: Answerer): void {
    const object = this.objects.get(key);
    const { range, 'if-match': ifMatch } = request.headers;
    if (object === undefined) {
      refuse(response, 404, 'NoSuchKey');
      return;
    }
    if (ifMatch !== undefined && ifMatch !== `"${object.etag}"`) {
      refuse(response, 412, 'PreconditionFailed');
      return;
    }
    const { length } = object.bytes;
    const [first = 0, last = length - 1] =
      /^bytes=(\d+)-(\d+)$/
        .exec(range ?? '')
        ?.slice(1)
        .map(Number) ?? [];
    const bytes = object.bytes.subarray(first, last + 1);
    const headers = {
      etag: `"${object.etag}"`,
      'content-length': String(bytes.length),
      'content-type': 'video/mp4',
      'last-modified': new Date(1_700_000_000_000).toUTCString(),
      ...(range !== undefined && { 'content-range': `bytes ${first}-${last}/${length}` }),
    };
    response.writeHead(range === undefined ? 200 : 206, headers).end(request.method === 'HEAD' ? undefined : bytes);
  }
}

function isOfAnswer(fault: Fault | undefined): fault is Fault {
  return (
    fault === 'cutBody' ||
    fault === 'stallBody' ||
    (typeof fault === 'object' && 'damage' in fault && fault.damage === 'answer')
  );
}

/** What an answer is written to. */
interface Answerer {
  writeHead(status: number, headers: Record<string, string>): { end(body?: string | Buffer): unknown };
  end(body?: string | Buffer): unknown;
}

/** An answer whose body breaks off after half, stops, or has one bit flipped. */
function faulty(response: ServerResponse, fault: Fault): Answerer {
  return {
    end: (body) => response.end(body),
    writeHead(status, headers) {
      response.writeHead(status, headers);
      return {
        end(body) {
          if (body === undefined) return response.end();
          const bytes = Buffer.from(body);
          if (typeof fault === 'object') {
            bytes[0] = (bytes[0] ?? 0) ^ 1;
            return response.end(bytes);
          }
          return response.write(bytes.subarray(0, bytes.length / 2), () => {
            if (fault === 'cutBody') setTimeout(() => response.destroy(), 20);
          });
        },
      };
    },
  };
}

async function read(request: IncomingMessage, most: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= most) return null;
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks);
}

function stageOf(method: string, { searchParams }: URL): Stage {
  if (searchParams.has('uploads')) return 'create';
  if (!searchParams.has('uploadId')) return method === 'PUT' ? 'put' : method === 'HEAD' ? 'head' : 'get';
  if (method === 'GET') return 'listParts';
  return method === 'PUT' ? 'part' : method === 'DELETE' ? 'abort' : 'complete';
}

function refuse(response: Answerer, status: number, code: string, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { 'content-type': 'application/xml', ...headers })
    .end(`<Error><Code>${code}</Code><Message>no</Message></Error>`);
}

function xml(response: Answerer, body: string): void {
  response.writeHead(200, { 'content-type': 'application/xml' }).end(body);
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}
