import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BucketSettings } from './s3-front/bucket-settings.js';
import { answerHeaders, preflightHeaders } from './s3-front/cors-rules.js';
import { FaultPlan, type Fault } from './s3-front/faults.js';
import { readRequest, type FrontRequest } from './s3-front/operations.js';
import { relay } from './s3-front/relay.js';
import { signRequest, verifySignature, type Keys, type Refusal } from './s3-front/sigv4.js';
import { checkGrant, keysOfDeletion, readSessionToken } from './s3-front/temporary-credentials.js';
import { UploadLedger, type LedgerUpload } from './s3-front/upload-ledger.js';
import { element, texts } from './s3-front/xml.js';
import { startS3Server, type S3Server } from './s3-server.js';

export type { Fault, FrontRequest, LedgerUpload };

/** The server behind a front: where it is, and whose signatures it takes. */
export type S3Upstream = Pick<S3Server, 'endpoint' | 'credentials'> & {
  readonly config: { readonly accountId: string };
};

/** What a front is started with. */
export interface S3FrontOptions {
  /** Names of the buckets that exist. */
  readonly buckets: readonly string[];
  /** Uploads and parts on one page of a listing at most. @default 1000 */
  readonly pageSize?: number;
  /** The clock of what the front checks itself. @default Date.now */
  readonly now?: () => number;
  /** Called when a request was passed on and answered with success. `keys` are those that it names, of a DeleteObjects all in its body. */
  readonly onPassed?: (request: FrontRequest, keys: readonly string[]) => void;
}

/** A request that the front answered or passed on. */
export interface SeenByFront extends FrontRequest {
  /** Of the answer; 0 while there is none, and when the connection was cut. */
  status: number;
}

/** What a front has beside the server behind it. */
export interface S3FrontOnly {
  /** Every request since the start or the last `reset`, in the order of arrival. */
  readonly seen: readonly SeenByFront[];
  /** How many requests there were; of one operation (`UploadPart`, `ListParts`, `Preflight`), or all. */
  count(operation?: string): number;
  /** Most requests of one operation that were under way at a time. */
  peak(operation: string): number;
  /** Uploads in parts that are not finished. */
  pending(bucket: string): LedgerUpload[];
  /** Lets a fault befall the next `times` requests that fit. @param times default 1 */
  fault(when: (request: FrontRequest) => boolean, fault: Fault, times?: number): void;
  /** Forgets what was seen and the faults that are left. */
  reset(): void;
}

/** An S3 server with what Miniflare's lacks. All of `S3Server`, with the endpoint of the front. */
export interface S3Front extends S3Server, S3FrontOnly {}

/**
 * Starts an S3 server on 127.0.0.1: a `node:http` front, and Miniflare's S3 endpoint behind it.
 *
 * Miniflare's own: objects, uploads in parts, listings of objects, copies, conditions, and the signatures of all these; the
 * front passes them on byte by byte, with the Host header that was signed.
 *
 * The front's own, because Miniflare answers 501 or is kinder than R2:
 * - ListParts and ListMultipartUploads, from what it saw pass, in pages;
 * - the lifecycle (at most 1,000 rules, `Filter.Prefix` only; a new bucket has R2's default rule) and the CORS of a bucket. Both refuse
 *   `x-amz-sdk-checksum-algorithm` with 501, as R2's documentation has it;
 * - CORS is enforced: preflights and answers follow the bucket's rules (none: 403), an origin must be the rule's exactly, each requested header
 *   must be listed (`*` lists none), and only a real answer says what is exposed;
 * - temporary credentials: the token's JWT is checked (signature, account, key, host, time, bucket, scope, actions, paths), then the request's
 *   signature by the secret derived of it; what is passed on is signed anew by the parent's keys. ListObjects needs a `prefix` inside;
 * - no `100 Continue`.
 * Whatever the front answers itself it authenticates itself (`s3-front/sigv4.ts`: header and query form).
 */
export async function startS3Front(options: S3FrontOptions): Promise<S3Front> {
  const server = await startS3Server({ buckets: options.buckets });
  const front = await openS3Front(server, options);
  return {
    ...front,
    credentials: server.credentials,
    config: { ...server.config, endpoint: front.endpoint },
    binding: (bucket) => server.binding(bucket),
    async stop() {
      await front.stop();
      await server.stop();
    },
  };
}

/** Starts a front alone, of a server that runs already or will: nothing is asked of it before the first request. `stop` leaves it running. */
export async function openS3Front(
  upstream: S3Upstream,
  options: S3FrontOptions,
): Promise<S3FrontOnly & { readonly endpoint: string; stop(): Promise<void> }> {
  const front = new Front(upstream, options);
  const endpoint = await front.listen();
  return {
    endpoint,
    seen: front.seen,
    count: (operation) => front.seen.filter((request) => (operation ?? request.operation) === request.operation).length,
    peak: (operation) => front.peaks.get(operation) ?? 0,
    pending: (bucket) => front.ledger.pending(bucket),
    fault: (when, fault, times = 1) => front.faults.add(when, fault, times),
    reset: () => front.reset(),
    stop: () => front.close(),
  };
}

const OWN_OPERATIONS: ReadonlySet<string> = new Set([
  'ListParts',
  'ListMultipartUploads',
  'GetBucketLifecycleConfiguration',
  'PutBucketLifecycleConfiguration',
  'DeleteBucketLifecycle',
  'GetBucketCors',
  'PutBucketCors',
  'DeleteBucketCors',
]);
const DROPPED_REQUEST_HEADERS: ReadonlySet<string> = new Set(['origin', 'connection', 'keep-alive', 'expect']);
const DROPPED_ANSWER_HEADERS = /^(?:access-control-|connection$|keep-alive$|transfer-encoding$)/;
/** Parameters of a presigned URL, which what is signed anew must not carry. */
const SIGNING_PARAMETER =
  /^X-Amz-(?:Algorithm|Content-Sha256|Credential|Date|Expires|Security-Token|Signature|SignedHeaders)=/i;

class Front {
  readonly seen: SeenByFront[] = [];
  readonly peaks = new Map<string, number>();
  readonly faults = new FaultPlan();
  readonly ledger: UploadLedger;
  readonly #settings: BucketSettings;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #target: URL;
  readonly #keys: Keys;
  readonly #accountId: string;
  readonly #buckets: ReadonlySet<string>;
  readonly #now: () => number;
  readonly #onPassed: NonNullable<S3FrontOptions['onPassed']>;
  readonly #active = new Map<string, number>();

  constructor(upstream: S3Upstream, { buckets, pageSize, now = Date.now, onPassed }: S3FrontOptions) {
    this.#target = new URL(upstream.endpoint);
    this.#keys = upstream.credentials;
    this.#accountId = upstream.config.accountId;
    this.#buckets = new Set(buckets);
    this.#settings = new BucketSettings(buckets);
    this.ledger = new UploadLedger(now, pageSize);
    this.#now = now;
    this.#onPassed = onPassed ?? ((): void => undefined);
    const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => void this.#take(incoming, outgoing);
    this.#server = createServer(handle);
    this.#server.on('checkContinue', handle);
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}${this.#target.pathname}`;
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  reset(): void {
    this.seen.length = 0;
    this.peaks.clear();
    this.faults.clear();
  }

  async #take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = '', url = '' } = incoming;
    const request = readRequest(method, url, headersOf(incoming), this.#target.pathname);
    const record: SeenByFront = { ...request, status: 0 };
    this.seen.push(record);
    const active = (this.#active.get(request.operation) ?? 0) + 1;
    this.#active.set(request.operation, active);
    this.peaks.set(request.operation, Math.max(active, this.peaks.get(request.operation) ?? 0));
    outgoing.on('error', () => undefined);
    incoming.on('error', () => undefined);
    try {
      record.status = await this.#answer(request, incoming, outgoing);
    } catch {
      outgoing.destroy();
    } finally {
      this.#active.set(request.operation, (this.#active.get(request.operation) ?? 1) - 1);
    }
  }

  async #answer(request: FrontRequest, incoming: IncomingMessage, outgoing: ServerResponse): Promise<number> {
    const fault = this.faults.take(request);
    if (fault !== undefined && 'delayMs' in fault) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
    if (fault !== undefined && 'until' in fault) await fault.until;
    if (fault !== undefined && 'status' in fault) {
      const { status, code = 'InternalError', headers } = fault;
      return this.#refuse(request, incoming, outgoing, { status, code, message: 'A fault of the test.', headers });
    }
    if (request.operation === 'Preflight') return this.#preflight(request, incoming, outgoing);
    const isOwn = OWN_OPERATIONS.has(request.operation);
    const token = request.headers['x-amz-security-token'] ?? request.params.get('X-Amz-Security-Token');
    const body = isOwn || request.operation === 'DeleteObjects' ? await readBody(incoming) : null;
    const refused = this.#authorize(request, token, isOwn, body);
    if (refused !== null) return this.#refuse(request, incoming, outgoing, refused);
    if (!isOwn) return this.#pass(request, { incoming, outgoing, body, fault, isResigned: token !== null });
    if (!this.#buckets.has(request.bucket)) {
      const message = 'The specified bucket does not exist.';
      return this.#refuse(request, incoming, outgoing, { status: 404, code: 'NoSuchBucket', message });
    }
    return this.#answerItself(request, incoming, outgoing, body ?? Buffer.alloc(0));
  }

  #authorize(request: FrontRequest, token: string | null, isOwn: boolean, body: Buffer | null): Refusal | null {
    const now = this.#now();
    if (token === null) return isOwn ? verifySignature(request, this.#keys, now) : null;
    const host = request.headers['host'] ?? '';
    const grant = readSessionToken(token, this.#keys, { accountId: this.#accountId, host, now });
    if ('status' in grant) return grant;
    const named = body !== null && request.operation === 'DeleteObjects' ? keysOfDeletion(body.toString('utf8')) : [];
    return verifySignature(request, grant.keys, now) ?? checkGrant(grant, request, named);
  }

  #preflight(request: FrontRequest, incoming: IncomingMessage, outgoing: ServerResponse): number {
    const origin = request.headers['origin'];
    const method = request.headers['access-control-request-method'];
    const asked = (request.headers['access-control-request-headers'] ?? '').toLowerCase().split(',');
    const headers = asked.map((name) => name.trim()).filter((name) => name !== '');
    const rules = this.#settings.corsRules(request.bucket);
    const allowed =
      origin === undefined || method === undefined ? null : preflightHeaders(rules, { origin, method, headers });
    if (allowed === null) {
      const message = 'CORSResponse: this CORS request is not allowed.';
      return this.#refuse(request, incoming, outgoing, { status: 403, code: 'AccessForbidden', message });
    }
    outgoing.writeHead(204, allowed).end();
    return 204;
  }

  #answerItself(request: FrontRequest, incoming: IncomingMessage, outgoing: ServerResponse, body: Buffer): number {
    const answer = this.#ownAnswer(request, body);
    if ('code' in answer) return this.#refuse(request, incoming, outgoing, answer);
    const headers = { 'content-type': 'application/xml', ...this.#corsHeaders(request) };
    outgoing.writeHead(answer.status, headers).end(answer.body);
    return answer.status;
  }

  #ownAnswer(request: FrontRequest, body: Buffer): { status: number; body?: string } | Refusal {
    if (request.operation !== 'ListParts' && request.operation !== 'ListMultipartUploads') {
      return this.#settings.answer(request, body);
    }
    const listed =
      request.operation === 'ListParts' ? this.ledger.listParts(request) : this.ledger.listUploads(request);
    return typeof listed === 'string' ? { status: 200, body: listed } : listed;
  }

  #refuse(
    request: FrontRequest,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    { status, code, message, headers }: Refusal & { readonly headers?: Readonly<Record<string, string>> | undefined },
  ): number {
    incoming.resume();
    const body = `<?xml version="1.0" encoding="UTF-8"?><Error>${element('Code', code)}${element('Message', message)}</Error>`;
    const cors = request.operation === 'Preflight' ? {} : this.#corsHeaders(request);
    outgoing.writeHead(status, { 'content-type': 'application/xml', ...cors, ...headers });
    outgoing.end(request.method === 'HEAD' ? undefined : body);
    return status;
  }

  async #pass(
    request: FrontRequest,
    passing: Pick<Parameters<typeof relay>[0], 'incoming' | 'outgoing' | 'body' | 'fault'> & { isResigned: boolean },
  ): Promise<number> {
    const relayed = await relay({
      ...passing,
      ...this.#outbound(request, passing.isResigned),
      target: this.#target,
      agent: this.#agent,
      method: request.method,
      keepBody: request.operation === 'CreateMultipartUpload' || request.operation === 'UploadPartCopy',
      answerHeaders: (headers) => ({
        ...Object.fromEntries(
          Object.entries(headers).filter(
            (entry): entry is [string, string] => entry[1] !== undefined && !DROPPED_ANSWER_HEADERS.test(entry[0]),
          ),
        ),
        ...this.#corsHeaders(request),
      }),
    });
    if (relayed.status >= 200 && relayed.status < 300) {
      this.#note(request, relayed);
      this.#onPassed(request, passing.body === null ? [request.key] : keysOfDeletion(passing.body.toString('utf8')));
    }
    return relayed.status;
  }

  #outbound(request: FrontRequest, isResigned: boolean): { url: string; headers: Record<string, string> } {
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(
        (entry): entry is [string, string] => entry[1] !== undefined && !DROPPED_REQUEST_HEADERS.has(entry[0]),
      ),
    );
    const { method, path, query } = request;
    if (!isResigned) return { url: query === '' ? path : `${path}?${query}`, headers };
    const parameters = query.split('&').filter((part) => part !== '' && !SIGNING_PARAMETER.test(part));
    const rest = parameters.join('&');
    const unsigned = { ...headers, authorization: undefined, 'x-amz-security-token': undefined };
    const signed = signRequest({ method, path, query: rest, headers: unsigned }, this.#keys, this.#now());
    return { url: rest === '' ? path : `${path}?${rest}`, headers: signed };
  }

  #note(request: FrontRequest, { headers, sentBytes, body }: Awaited<ReturnType<typeof relay>>): void {
    const { operation } = request;
    if (operation === 'CreateMultipartUpload') this.ledger.created(request, texts(body, 'UploadId')[0] ?? '');
    if (operation === 'UploadPart') this.ledger.stored(request, headers.etag ?? '', sentBytes);
    if (operation === 'UploadPartCopy') {
      const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers['x-amz-copy-source-range'] ?? '');
      const size = range === null ? 0 : Number(range[2]) - Number(range[1]) + 1;
      this.ledger.stored(request, texts(body, 'ETag')[0] ?? '', size);
    }
    if (operation === 'CompleteMultipartUpload' || operation === 'AbortMultipartUpload') this.ledger.ended(request);
  }

  #corsHeaders({ bucket, headers, method }: FrontRequest): Record<string, string> {
    return answerHeaders(this.#settings.corsRules(bucket), headers['origin'], method);
  }
}

function headersOf({ headers }: IncomingMessage): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
