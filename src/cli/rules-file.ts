import { UsageError } from './exit-code.js';
import type { Invocation } from './invocation.js';
import { parseJson } from './values.js';

/**
 * The rules of a file: an array, or an object with `rules`, as `get --json` prints it. Each rule is checked by who sets them.
 *
 * @throws {UsageError} when the file cannot be read, is no JSON, or has no rules.
 */
export async function readRules(call: Invocation, path: string): Promise<unknown[]> {
  const text = await call.io.readFile(path).catch((error: unknown) => {
    throw new UsageError(`${path} cannot be read: ${error instanceof Error ? error.message : ''}`);
  });
  const value = parseJson(text, path);
  const rules: unknown = typeof value === 'object' && value !== null && 'rules' in value ? value.rules : value;
  if (Array.isArray(rules)) return rules as unknown[];
  throw new UsageError(`${path} must hold an array of rules, or an object with "rules".`);
}
