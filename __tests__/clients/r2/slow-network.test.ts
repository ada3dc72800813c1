import { FetchRequestHandler, type SdkRequest } from '../../../src/clients/r2/s3/fetch-handler.js';

const TIMEOUT_MS = 100;
const MIB = 1024 * 1024;
const SENT_AT_A_TIME = 65_536;

/** A network that takes 64 KiB each 99 ms, of bytes as of a stream; it shows what it was handed. */
async function slowFetch(_url: unknown, init: RequestInit = {}): Promise<Response> {
  const taken: Uint8Array[] = [];
  const take = (bytes: Uint8Array): void => {
    taken.push(bytes);
    for (let sent = 0; sent < bytes.byteLength; sent += SENT_AT_A_TIME) jest.advanceTimersByTime(TIMEOUT_MS - 1);
    init.signal?.throwIfAborted();
  };
  if (init.body instanceof ReadableStream) {
    for await (const chunk of init.body as ReadableStream<Uint8Array>) take(chunk);
  } else {
    take(new Uint8Array(await new Response(init.body).arrayBuffer()));
  }
  const size = taken.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const headers = { 'x-size': String(size), 'x-length': new Headers(init.headers).get('content-length') ?? 'none' };
  return new Response(null, { headers });
}

function oneChunk(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

describe('an upload over a slow network', () => {
  const realFetch = globalThis.fetch;

  beforeEach(() => {
    jest.useFakeTimers();
    globalThis.fetch = slowFetch;
  });
  afterEach(() => {
    jest.useRealTimers();
    globalThis.fetch = realFetch;
  });

  it.each([
    ['bytes', () => new Uint8Array(2 * MIB + 1)],
    ['text', () => 'x'.repeat(2 * MIB + 1)],
    ['a Blob', () => new Blob([new Uint8Array(2 * MIB + 1)])],
    ['a stream of one large chunk', () => oneChunk(new Uint8Array(2 * MIB + 1))],
  ])('is not given up while %s move on', async (_name, body) => {
    const request: SdkRequest = {
      method: 'PUT',
      protocol: 'http:',
      hostname: 'localhost',
      path: '/media/k',
      headers: { 'content-length': String(2 * MIB + 1) },
      body: body(),
    };
    const { response } = await new FetchRequestHandler().handle(request, { requestTimeout: TIMEOUT_MS });
    expect(response.headers).toMatchObject({ 'x-size': String(2 * MIB + 1), 'x-length': String(2 * MIB + 1) });
  });
});
