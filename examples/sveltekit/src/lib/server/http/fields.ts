import { Refusal } from '../refusal.js';

const MAX_BYTES = 16_384;

/** Texts of a JSON body. @throws {Refusal} 400, 413, 415 */
export async function readJsonFields<Name extends string>(
  request: Request,
  names: readonly Name[],
): Promise<Record<Name, string>> {
  if (!(request.headers.get('content-type') ?? '').startsWith('application/json')) {
    throw new Refusal(415, 'Please send JSON, with the content type application/json.');
  }
  return pick(parse(new TextDecoder().decode(await readBytes(request))), names);
}

/** Texts of a form. @throws {Refusal} 400, 413 */
export async function readFormFields<Name extends string>(
  request: Request,
  names: readonly Name[],
): Promise<Record<Name, string>> {
  const headers = { 'content-type': request.headers.get('content-type') ?? '' };
  const copy = new Response(await readBytes(request), { headers });
  const form = await copy.formData().catch(() => {
    throw new Refusal(400, 'This form cannot be read.');
  });
  return pick(Object.fromEntries(form), names);
}

/** The body, as long as it is short: whoever sends more is not waited for, and takes no memory. */
async function readBytes({ body }: Request): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(MAX_BYTES);
  let length = 0;
  // Leaving the loop cancels the rest.
  for await (const chunk of body ?? []) {
    if (length + chunk.byteLength > MAX_BYTES) throw new Refusal(413, 'This is too long.');
    bytes.set(chunk, length);
    length += chunk.byteLength;
  }
  return bytes.subarray(0, length);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal(400, 'This is no JSON.');
  }
}

function pick<Name extends string>(source: unknown, names: readonly Name[]): Record<Name, string> {
  const fields = typeof source === 'object' && source !== null ? (source as Record<string, unknown>) : {};
  const entries = names.map((name) => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (typeof value !== 'string') throw new Refusal(400, `The field ${name} is missing.`);
    return [name, value] as const;
  });
  return Object.fromEntries(entries) as Record<Name, string>;
}
