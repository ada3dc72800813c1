import { join } from 'node:path';
import { buildSync } from 'esbuild';
import type { BetterAuthParts } from './app.js';

// By its own name: by that of better-auth/adapters/memory, esbuild leaves it uninitialized.
const ENTRY = `
  export { betterAuth } from 'better-auth';
  export { memoryAdapter } from '@better-auth/memory-adapter';
  export { magicLink } from 'better-auth/plugins';
`;

/** Better Auth for Node. It is published as ES modules alone, which Jest's own module system does not load: so as one script. */
export function loadBetterAuth(): BetterAuthParts {
  const { outputFiles } = buildSync({
    stdin: { contents: ENTRY, resolveDir: join(__dirname, '../../..') },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    logLevel: 'error',
  });
  const module = { exports: {} };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- a script that was made a line before.
  new Function('module', 'exports', 'require', outputFiles[0]!.text)(module, module.exports, require);
  return module.exports as BetterAuthParts;
}
