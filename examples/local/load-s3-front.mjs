import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The S3 front of the tests, which is TypeScript: `startS3Front` (with a server of its own) and `openS3Front` (of a server that is there).
 * The bundle is one file per call, so that two that start at once do not read each other's half-written one,
 * and is gone once it is loaded.
 */
export async function loadS3Front() {
  const outfile = `${ROOT}.cache/s3-front-${randomUUID()}.mjs`;
  mkdirSync(`${ROOT}.cache`, { recursive: true });
  const entryPoints = [`${ROOT}__tests__/support/s3-front.ts`];
  await build({ entryPoints, bundle: true, outfile, format: 'esm', platform: 'node', packages: 'external' });
  try {
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(outfile);
  }
}
