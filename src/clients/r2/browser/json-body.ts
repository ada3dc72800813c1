import { UploadRefused } from './upload-refused.js';

/** 10,000 parts with their tags are under 1 MiB. */
const MAX_BODY_BYTES = 2 * 1024 ** 2;

/**
 * Reads a JSON object. Only of the type `application/json`: a page of another origin can send that only when the preflight
 * was answered, so that a form on it cannot use the visitor's cookies.
 *
 * @throws {CloudflareClientError} an `UploadRefused`: `JSON_REQUIRED`, `TOO_LARGE`, `BAD_REQUEST`
 */
export async function readJsonObject(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const [type = ''] = (request.headers.get('content-type') ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/json') {
    throw new UploadRefused('JSON_REQUIRED', 'The body must be of the type application/json.');
  }
  const value = parse(await readText(request));
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UploadRefused('BAD_REQUEST', 'The body must be a JSON object.');
}

async function readText(request: Request): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  const reader = (request.body as ReadableStream<Uint8Array> | null)?.getReader();
  if (reader === undefined) return text;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.byteLength;
    if (bytes > MAX_BODY_BYTES) {
      await reader.cancel();
      throw new UploadRefused('TOO_LARGE', `The body is larger than ${MAX_BODY_BYTES} bytes.`);
    }
    text += decoder.decode(value, { stream: true });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new UploadRefused('BAD_REQUEST', 'The body is no JSON.');
  }
}
