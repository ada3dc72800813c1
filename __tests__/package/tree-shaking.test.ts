import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(__dirname, '../..');

/** What only one client says, in its messages or its protocol. */
const MARKS = {
  sessions: 'revoked-before',
  s3: 'X-Amz-Signature',
  sdk: '@aws-sdk',
  hls: 'EXT-X-',
  locks: 'LOCK_TIMEOUT',
  limiter: 'RateLimit-Policy',
  tsyringe: 'tsyringe requires a reflect polyfill',
};

/** Bundles a module as wrangler does, in one file; code that is loaded on use lies in it as well. */
async function bundle(contents: string, minify = true): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, loader: 'js' },
    bundle: true,
    minify,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    logLevel: 'error',
  });
  return outputFiles[0]!.text;
}

const marksOf = (text: string): string[] =>
  Object.entries(MARKS)
    .filter(([, mark]) => text.includes(mark))
    .map(([name]) => name);

describe('a bundle', () => {
  it('of everything holds every mark', async () => {
    const all = await bundle(`export * from '@codex/cloudflare-clients';`, false);
    expect(marksOf(all)).toEqual(Object.keys(MARKS));
  });

  it('of a bare import holds nothing', async () => {
    expect(await bundle(`import '@codex/cloudflare-clients';`)).toBe('');
  });

  it.each([
    ['ipKey', []],
    ['CacheClient', []],
    ['LockClient', ['locks']],
    ['rewritePlaylist', ['hls']],
    ['toHeaders', ['limiter']],
    ['createContainer', ['tsyringe']],
    ['provideCache', ['tsyringe']],
  ])('that uses %s holds nothing of other clients', async (name, marks) => {
    const text = await bundle(`import { ${name} } from '@codex/cloudflare-clients'; console.log(${name});`, false);
    expect(marksOf(text)).toEqual(marks);
  });

  it('of a Worker on KV holds no AWS SDK and no XML', async () => {
    const text = await bundle(
      `import { createContainer, provideCache, provideSessionCache, provideRateLimiter } from '@codex/cloudflare-clients';
       export default createContainer(provideCache(), provideSessionCache(), provideRateLimiter());`,
      false,
    );
    expect(text).not.toMatch(/@aws-sdk|@smithy|DOMParser|X-Amz-/);
  });

  it.each([false, true])(
    'that injects has the reflect polyfill, before tsyringe looks for it (minified: %p)',
    async (minify) => {
      const text = await bundle(`export { createContainer } from '@codex/cloudflare-clients';`, minify);
      const input = `${text}\nconsole.log('loaded');`;
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-'], { input, encoding: 'utf8' });
      expect([stdout, stderr]).toEqual(['loaded\n', '']);
    },
  );
});
