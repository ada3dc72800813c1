import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { startHlsStage, type HlsStage } from './support/hls-stage.js';
import { describeInChromium, freePort, launchChromium } from './support/chromium.js';

const ROOT = join(__dirname, '../..');
const START_TIMEOUT_MS = 120_000;
const SECONDS_OF_MEDIA = 6;
const FRAMES = 72;
const FOLDER = 'creator-1/hls/media-1/';
const OTHER = 'creator-1/hls/media-2/';

/** What came of playing. */
interface Played {
  readonly ended: boolean;
  readonly time: number;
  readonly frames: number;
  readonly audioBytes: number;
  /** Variants that segments were played of. */
  readonly levels: readonly number[];
  /** Kind of the error, and the status of the answer. */
  readonly errors: readonly (readonly [details: string, status: number | null])[];
}

/** In the page: plays a playlist with hls.js until it ends or cannot go on; changes to the other variant after one segment. */
const PLAY = `(source) => new Promise((resolve) => {
  const video = document.getElementById('video');
  const hls = new Hls({ startLevel: 0, maxBufferLength: 2, maxMaxBufferLength: 2, debug: false });
  const errors = [];
  const levels = new Set();
  const finish = (ended) => {
    const { totalVideoFrames: frames } = video.getVideoPlaybackQuality();
    const audioBytes = video.webkitAudioDecodedByteCount;
    resolve({ ended, time: video.currentTime, frames, audioBytes, levels: [...levels], errors });
    hls.destroy();
  };
  hls.on(Hls.Events.ERROR, (_, { details, response, fatal, type }) => {
    // Others, a stall on a busy machine, hls.js gets over by itself.
    if (!fatal && type !== 'networkError') return;
    errors.push([details, response?.code ?? null]);
    finish(false);
  });
  hls.on(Hls.Events.FRAG_BUFFERED, (_, { frag }) => {
    if (frag.type !== 'main' || frag.sn === 'initSegment') return;
    levels.add(frag.level);
    if (levels.size === 1) hls.nextLoadLevel = 1 - frag.level;
  });
  hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
  video.addEventListener('ended', () => finish(true));
  video.playbackRate = 2;
  hls.loadSource(source);
  hls.attachMedia(video);
})`;

describeInChromium('private HLS in a browser', () => {
  let stage: HlsStage;
  let browser: Browser | undefined;
  let page: Page;

  beforeAll(async () => {
    stage = await startHlsStage([FOLDER, OTHER]);
    browser = await launchChromium();
  }, START_TIMEOUT_MS);

  afterAll(async () => {
    await browser?.close();
    await stage.stop();
  }, START_TIMEOUT_MS);

  beforeEach(async () => {
    page = await (await browser!.newContext()).newPage();
    await page.goto(new URL('/page', stage.url).href);
    await page.addScriptTag({ path: join(ROOT, 'node_modules/hls.js/dist/hls.min.js') });
    stage.server.reset();
  });

  afterEach(() => page.context().close());

  const play = (source: string): Promise<Played> => page.evaluate(`(${PLAY})(${JSON.stringify(source)})`);

  /** What the app answers to a viewer who may watch; the browser takes the cookie. */
  async function issue(options: Record<string, string>): Promise<string> {
    const query = new URLSearchParams({ kind: 'path', key: `${FOLDER}master.m3u8`, expiresIn: '600', ...options });
    const answer = await page.evaluate(`fetch('/issue?${query}').then((response) => response.json())`);
    return (answer as { path: string }).path;
  }

  function expectToTheEnd(played: Played): void {
    expect(played.errors).toEqual([]);
    expect(played.ended).toBe(true);
    expect(played.time).toBeGreaterThan(SECONDS_OF_MEDIA - 0.5);
    expect(played.frames).toBeGreaterThan(FRAMES * 0.8);
    expect(played.audioBytes).toBeGreaterThan(10_000);
    expect([...played.levels].sort()).toEqual([0, 1]);
  }

  /** Asked for under a gate or a signature, and refused. */
  const refused = (details: string): Partial<Played> => ({ ended: false, errors: [[details, 403]] });

  test('the bucket refuses a player without a signature', async () => {
    const played = await play(`${stage.server.endpoint}/${stage.bucket}/${FOLDER}master.m3u8`);
    expect(played).toMatchObject({ ended: false, time: 0, errors: [['manifestLoadError', expect.any(Number)]] });
    expect(stage.server.seen.every(({ status }) => status >= 400)).toBe(true);
  });

  describe('by signed playlists', () => {
    test('plays to the end, straight from the bucket', async () => {
      expectToTheEnd(await play(`/signed/${FOLDER}master.m3u8`));
      // Segments and maps come by their signatures; what is read with a header is the Worker's own.
      const bySignature = stage.server.seen.filter(({ params }) => params.has('X-Amz-Signature'));
      expect(bySignature.length).toBeGreaterThanOrEqual(8);
      expect(bySignature.every(({ status }) => status === 200)).toBe(true);
    });

    test('stops with 403 when the links have expired', async () => {
      expect(await play(`/signed/${FOLDER}master.m3u8?skewMs=-600000`)).toMatchObject(refused('fragLoadError'));
    });

    test('stops with 403 when a link is changed', async () => {
      await page.route(/X-Amz-Signature=/, (route) =>
        route.continue({ url: route.request().url().replace('media-1', 'media-2') }),
      );
      expect(await play(`/signed/${FOLDER}master.m3u8`)).toMatchObject(refused('fragLoadError'));
    });
  });

  describe('by tokens in the path', () => {
    test('plays to the end, through the Worker', async () => {
      expectToTheEnd(await play(await issue({})));
    });

    test('plays to the end from the cache, for another viewer', async () => {
      expectToTheEnd(await play(await issue({ expiresIn: '601' })));
      const segments = stage.server.seen.filter(({ key }) => key.endsWith('.m4s'));
      expect(segments.length).toBeLessThan(8);
    });

    test.each([
      ['a tampered token', (path: string) => path.replace(/\/v\/(\d+)/, (_, at) => `/v/${Number(at) + 60}`), {}],
      ['the id of other media', (path: string) => path.replace('media-1', 'media-2'), {}],
      ['an expired token', (path: string) => path, { skewMs: '-600000' }],
      ['no token', (path: string) => path.replace(/\/v\/[^/]+/, '/v'), {}],
    ])('stops with 403 at %s', async (_name, change, options) => {
      expect(await play(change(await issue(options)))).toMatchObject(refused('manifestLoadError'));
      expect(stage.server.count()).toBe(0);
    });
  });

  describe('by a cookie of the path', () => {
    test('plays to the end, through the Worker', async () => {
      const path = await issue({ kind: 'cookie' });
      expect(path).toBe(`/v/${FOLDER}master.m3u8`);
      expectToTheEnd(await play(path));
      const [cookie] = await page.context().cookies(new URL(path, stage.url).href);
      expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Lax', path: '/v/creator-1/hls/media-1' });
    });

    test('stops with 403 without the cookie, with that of other media, and with one that has expired', async () => {
      const path = `/v/${FOLDER}master.m3u8`;
      expect(await play(path)).toMatchObject(refused('manifestLoadError'));
      await issue({ kind: 'cookie', key: `${OTHER}master.m3u8` });
      expect(await play(path)).toMatchObject(refused('manifestLoadError'));
      await issue({ kind: 'cookie', skewMs: '-600000' });
      expect(await page.context().cookies(new URL(path, stage.url).href)).toHaveLength(1);
      expect(await play(path)).toMatchObject(refused('manifestLoadError'));
      expect(stage.server.count()).toBe(0);
    });
  });

  test('plays by each of the three ways in examples/private-hls', async () => {
    const port = await freePort();
    const example = spawn(process.execPath, ['examples/private-hls/run.mjs', '--port', String(port)], { cwd: ROOT });
    const ended = new Promise((resolve) => example.once('exit', resolve));
    try {
      await new Promise<void>((resolve, reject) => {
        example.stdout.once('data', () => resolve());
        example.once('exit', () => reject(new Error('The example did not start.')));
      });
      await page.goto(`http://127.0.0.1:${port}/`);
      for (const way of ['Token in the path', 'Cookie', 'Signed playlists']) {
        await page.getByRole('button', { name: way }).click();
        await page.getByText(/^Playing/).waitFor();
        await page.evaluate('document.getElementById("video").playbackRate = 4');
        await page.getByText('Played to the end.').waitFor();
      }
    } finally {
      example.kill('SIGTERM');
      await ended;
    }
  });
});
