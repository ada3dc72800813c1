/**
 * How long a body of the runtime's own is: of a text, bytes, an object of R2, a fetched response that says so. The header `Content-Length` is no source
 * for it: Workers send what a stream has, whatever the header says, and a body that was rewritten often has the header of the one before.
 *
 * @param body a stream.
 * @returns bytes; `undefined` for a stream of JavaScript, for one whose length nobody knows, and where the runtime does not tell.
 */
export function lengthOf(body: ReadableStream): number | undefined {
  const length = LENGTH && (body as unknown as Record<symbol, unknown>)[LENGTH];
  return typeof length === 'bigint' ? Number(length) : undefined;
}

// What workerd shows to inspectors (`console.log(stream)`), and the only way to the length that it sends. Where it is missing, bodies are sent in chunks.
const LENGTH = Object.getOwnPropertySymbols(ReadableStream.prototype).find(
  ({ description }) => description === 'length',
);
