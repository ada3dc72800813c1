import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type BuildOptions } from 'esbuild';
import { Miniflare } from 'miniflare';
import type { Browser, Page } from 'playwright-core';
import { corsRules, R2Client } from '../../src/index.js';
import { putCorsRules } from '../support/bucket-cors.js';
import { startS3Front, type S3Front } from '../support/s3-front.js';
import { describeInChromium, launchChromium } from './support/chromium.js';

const ROOT = join(__dirname, '../..');
const MEDIA = join(__dirname, 'media/private-hls');
const START_TIMEOUT_MS = 120_000;
const PLAY_TIMEOUT_MS = 60_000;
const bucket = 'codex-media-production';
const recipes = readFileSync(join(ROOT, 'docs/recipes.md'), 'utf8');

/** A block of code below a heading, as it stands in the page. */
function recipe(heading: string, language: 'js' | 'ts'): string {
  const section = recipes.split(new RegExp(`^## ${heading}$`, 'm'))[1]!.split(/^## /m)[0]!;
  return new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(section)![1]!;
}

/** The recipe with the app's own function in place of its declaration; it must be there. */
function replaced(code: string, what: RegExp | string, by: string): string {
  const text = code.replace(what, by);
  if (text === code) throw new Error(`The recipe has no ${String(what)}.`);
  return text;
}

const WORKER = `
import { playback } from './playback.ts';
import { uploads } from './uploads.ts';
export default {
  fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith('/api/uploads/')) return uploads(request, env);
    if (pathname === '/hls.js' || pathname === '/uppy.js')
      return new Response(env[pathname.slice(1)], { headers: { 'content-type': 'text/javascript' } });
    if (pathname === '/hls' || pathname === '/uppy')
      return new Response('<!doctype html><link rel="icon" href="data:,"><video muted></video><input type="file" multiple><script type="module" src="' + pathname + '.js"></script>',
        { headers: { 'content-type': 'text/html' } });
    return playback(request, env, ctx);
  },
};`;

describeInChromium('the recipes of Uppy and hls.js, copied and run', () => {
  let folder: string;
  let front: S3Front;
  let miniflare: Miniflare;
  let origin: string;
  let browser: Browser | undefined;
  let page: Page;

  beforeAll(async () => {
    folder = mkdtempSync(join(ROOT, '.cache-recipes-'));
    front = await startS3Front({ buckets: [bucket] });
    miniflare = new Miniflare({
      modules: [{ type: 'ESModule', path: 'index.mjs', contents: await worker() }],
      compatibilityDate: '2026-01-01',
      r2Buckets: { MEDIA: bucket },
      bindings: {
        HLS_SECRET: 'the secret of this test, 32 bytes and more',
        R2_ENDPOINT: front.config.endpoint,
        R2_ACCOUNT_ID: front.config.accountId,
        R2_ACCESS_KEY_ID: front.config.accessKeyId,
        R2_SECRET_ACCESS_KEY: front.config.secretAccessKey,
        'hls.js': await bundled(`${recipe('hls\\.js', 'js')}\nglobalThis.play = play;`),
        'uppy.js': await bundled(`${recipe('Uppy 6', 'js')}\nglobalThis.uppy = uppy;`),
      },
    });
    ({ origin } = await miniflare.ready);
    const media = (await miniflare.getR2Bucket('MEDIA')) as unknown as R2Bucket;
    for (const name of readdirSync(MEDIA, { recursive: true, encoding: 'utf8' })) {
      if (statSync(join(MEDIA, name)).isFile())
        await media.put(`creator-1/hls/media-1/${name}`, readFileSync(join(MEDIA, name)));
    }
    await putCorsRules(front, bucket, corsRules({ origins: [origin], uppy: 6 }));
    browser = await launchChromium();
  }, START_TIMEOUT_MS);

  afterAll(async () => {
    await browser?.close();
    await miniflare.dispose();
    await front.stop();
    rmSync(folder, { recursive: true });
  });

  beforeEach(async () => {
    page = await (await browser!.newContext()).newPage();
  });

  afterEach(() => page.context().close());

  async function worker(): Promise<string> {
    const playback = recipe('hls\\.js', 'ts');
    writeFileSync(
      join(folder, 'playback.ts'),
      replaced(
        playback,
        /^declare function mayWatch.*$/m,
        'const mayWatch = async (_: Request, id: string) => id === "media-1";',
      ),
    );
    const uploads = replaced(
      recipe('Uppy 6', 'ts'),
      /^declare function creatorOf.*$/m,
      'const creatorOf = async (_: Request) => ({ id: "creator-1" });',
    );
    writeFileSync(
      join(folder, 'uploads.ts'),
      replaced(uploads, 'new R2Client({', 'new R2Client({ endpoint: env.R2_ENDPOINT,'),
    );
    writeFileSync(join(folder, 'index.js'), WORKER);
    return bundle({ entryPoints: [join(folder, 'index.js')], conditions: ['workerd', 'worker', 'browser'] });
  }

  const bundled = (contents: string): Promise<string> => bundle({ stdin: { contents, resolveDir: ROOT } });

  async function bundle(options: BuildOptions): Promise<string> {
    const external = ['cloudflare:*', 'node:*'];
    const { outputFiles } = await build({ ...options, bundle: true, write: false, format: 'esm', external });
    return outputFiles[0]!.text;
  }

  const played = (): Promise<unknown> =>
    page.waitForFunction('document.querySelector("video").ended', null, { timeout: PLAY_TIMEOUT_MS });

  test(
    'plays to the end, and asks for a new path when the old one is refused in the middle',
    async () => {
      let paths = 0;
      let refused = 0;
      page.on('request', (request) => (paths += Number(request.url().includes('/watch/'))));
      await page.route(/\/v\/.*segment-[12]/, async (route) => {
        if (paths > 1) return route.fallback();
        refused += 1;
        return route.fulfill({ status: 403, body: 'Forbidden' });
      });
      await page.goto(`${origin}/hls`);
      await page.evaluate('document.querySelector("video").autoplay = true; play("creator-1", "media-1")');
      await played();
      expect(refused).toBeGreaterThan(0);
      expect(paths).toBe(2);
    },
    PLAY_TIMEOUT_MS + 10_000,
  );

  test('gives no path to who may not watch', async () => {
    await page.goto(`${origin}/hls`);
    expect(await page.evaluate('play("creator-1", "media-2").then(() => "", (error) => error.message)')).toMatch(/403/);
    expect((await miniflare.dispatchFetch(`${origin}/v/made-up/creator-1/hls/media-1/master.m3u8`)).status).toBe(403);
  });

  test('gives up when the new path is refused at once as well', async () => {
    let paths = 0;
    page.on('request', (request) => (paths += Number(request.url().includes('/watch/'))));
    await page.route(/\/v\//, (route) => route.fulfill({ status: 403, body: 'Forbidden' }));
    await page.goto(`${origin}/hls`);
    await page.evaluate('play("creator-1", "media-1")');
    await page.waitForLoadState('networkidle');
    expect(paths).toBe(2);
  });

  test('uploads a file by a signed PUT, byte by byte the same', async () => {
    const video = readFileSync(join(MEDIA, '360p/segment-0.m4s'));
    await page.goto(`${origin}/uppy`);
    const uploaded = page.evaluate(
      'new Promise((resolve) => uppy.on("complete", ({ successful, failed }) => resolve([successful.length, failed.length])))',
    );
    await page.locator('input[type=file]').setInputFiles({ name: 'a.mp4', mimeType: 'video/mp4', buffer: video });
    expect(await uploaded).toEqual([1, 0]);
    const r2 = new R2Client(front.config);
    const [file] = await r2.listFiles({ bucket, prefix: 'creator-1/originals/' });
    const stored = await r2.downloadFile({ bucket, key: file!.key });
    expect(Buffer.from(await stored!.arrayBuffer())).toEqual(video);
  });
});
