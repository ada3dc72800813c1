import type { OnceOutcome } from '../../durable-objects/counter/once-api.js';
import { CloudflareClientError } from '../../errors.js';
import { keyPrefix, utf8Bytes } from '../kv/key.js';

// A row of a Durable Object holds 2 MB, and one character beyond Latin-1 has all of a text stored with two bytes each.
const MAX_RESULT_BYTES = 524_288;

/**
 * What is kept of a result.
 *
 * @returns the outcome, and the error that says why the result is not kept, `null` where it is.
 */
export function outcomeOf(
  value: unknown,
  key: string,
): { readonly outcome: OnceOutcome; readonly fault: CloudflareClientError | null } {
  const outcome = encode(value);
  return { outcome, fault: outcome.kind === 'unkept' ? unkept(outcome.reason, key) : null };
}

/**
 * The result that was kept.
 *
 * @throws {CloudflareClientError} `INVALID_VALUE` when none was.
 */
export function valueOf(outcome: OnceOutcome, key: string): unknown {
  if (outcome.kind === 'unkept') throw unkept(outcome.reason, key);
  return outcome.text === null ? undefined : (JSON.parse(outcome.text) as unknown);
}

function encode(value: unknown): OnceOutcome {
  if (value === undefined) return { kind: 'json', text: null };
  const text = jsonOf(value);
  if (text === undefined) return { kind: 'unkept', reason: 'it has no JSON form' };
  const bytes = utf8Bytes(text);
  if (bytes <= MAX_RESULT_BYTES) return { kind: 'json', text };
  return { kind: 'unkept', reason: `it takes ${bytes} bytes as JSON, and the bound is ${MAX_RESULT_BYTES}` };
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function unkept(reason: string, key: string): CloudflareClientError {
  const message = `The work of once under ${keyPrefix(key)}… was done, and its result was not kept: ${reason}.`;
  return new CloudflareClientError('INVALID_VALUE', message);
}
