import { MAX_BODY_BYTES, readBytes } from '../../examples/worker/src/bounded-body.js';
import { readFields } from '../../examples/worker/src/json-body.js';

/** A request whose body comes in chunks, with no length told. */
function chunked(chunks: readonly Uint8Array[]): { request: Request; taken: () => number } {
  let taken = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[taken];
        if (chunk === undefined) {
          controller.close();
          return;
        }
        taken += 1;
        controller.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
  const request = new Request('https://media.example/', { method: 'POST', body, duplex: 'half' } as RequestInit);
  return { request, taken: () => taken };
}

test('reads a body of the largest size, byte by byte as it came', async () => {
  const { request } = chunked([new Uint8Array(MAX_BODY_BYTES - 2).fill(7), Uint8Array.of(0xef, 0xff)]);
  const bytes = await readBytes(request);
  expect([bytes.length, bytes[0], bytes.at(-2), bytes.at(-1)]).toEqual([MAX_BODY_BYTES, 7, 0xef, 0xff]);
});

test('refuses one byte more with 413, and reads no further', async () => {
  const { request, taken } = chunked([new Uint8Array(MAX_BODY_BYTES), new Uint8Array(1), new Uint8Array(1)]);
  await expect(readBytes(request)).rejects.toMatchObject({ status: 413 });
  expect(taken()).toBe(2);
});

test('refuses a length that is too much without reading anything', async () => {
  const headers = { 'content-length': String(MAX_BODY_BYTES + 1) };
  const request = { headers: new Headers(headers), body: null } as unknown as Request;
  await expect(readBytes(request)).rejects.toMatchObject({ status: 413 });
});

test.each(['', 'no JSON', '"text"', 'null', '[]', '{"title":7}', '{"title":" "}'])(
  'answers a body of %j with 400',
  async (body) => {
    const request = new Request('https://media.example/', { method: 'POST', body });
    await expect(readFields(request, ['title'])).rejects.toMatchObject({ status: 400 });
  },
);
