import { readFileSync } from 'node:fs';
import typescript from 'typescript';

/**
 * A wrangler.jsonc, without its comments.
 *
 * @param path of the file.
 */
export function readWranglerConfig(path) {
  const { config, error } = typescript.parseConfigFileTextToJson(path, readFileSync(path, 'utf8'));
  if (error !== undefined)
    throw new Error(`${path}: ${typescript.flattenDiagnosticMessageText(error.messageText, ' ')}`);
  return config;
}
