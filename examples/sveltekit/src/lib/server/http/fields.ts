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
  const text = await request.text();
  if (text.length > MAX_BYTES) throw new Refusal(413, 'This is too long.');
  return pick(parse(text), names);
}

/** Texts of a form. @throws {Refusal} 400 */
export async function readFormFields<Name extends string>(
  request: Request,
  names: readonly Name[],
): Promise<Record<Name, string>> {
  return pick(Object.fromEntries(await request.formData()), names);
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
