import { readBytes } from './bounded-body.js';
import { HttpError } from './http-error.js';

/** Reads fields of a JSON body; each must be a string that is not empty. */
export async function readFields<Name extends string>(
  request: Request,
  names: readonly Name[],
): Promise<Record<Name, string>> {
  const body = await parse(request);
  const fields: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = body[name];
    if (typeof value !== 'string' || value.trim() === '') throw new HttpError(400, `Please fill in "${name}".`);
    fields[name] = value;
  }
  return fields as Record<Name, string>;
}

async function parse(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const text = new TextDecoder().decode(await readBytes(request));
  try {
    const body = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    return body ?? {};
  } catch {
    throw new HttpError(400, 'The body is not JSON.');
  }
}
