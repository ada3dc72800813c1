import { rmSync } from 'node:fs';
import type { Locator, Page } from 'playwright-core';
import { describeInChromium } from '../e2e/support/chromium.js';
import { hydrated, signUp, startAppInChromium, until, type AppInChromium } from './support/app-in-chromium.js';
import { makeFilms, type Films } from './support/films.js';

const MIB = 1024 ** 2;
const UPLOAD_BYTES_PER_SECOND = 4 * MIB;
// What Chromium says by itself of an answer with an error status.
const REFUSED_SEGMENT = /^console: Failed to load resource: the server responded with a status of 403 .*segment-1/;

describeInChromium('films in the app', () => {
  let app: AppInChromium;
  let films: Films;
  let page: Page;

  beforeAll(async () => {
    films = makeFilms();
    app = await startAppInChromium();
    page = await app.visitor();
    await signUp(page, { name: 'Ada Quist', email: 'ada@example.com', password: 'a sentence that nobody guesses' });
  }, 180_000);

  afterAll(async () => {
    await app.stop();
    rmSync(films.folder, { recursive: true });
  }, 30_000);

  afterEach(() => {
    expect(app.complaints()).toEqual([]);
  });

  test('are uploaded in parts, paused and resumed, and listed', async () => {
    await openUpload(page);
    const parts = new Set<string>();
    page.on('requestfinished', (request) => {
      const { searchParams } = new URL(request.url());
      if (request.method() === 'PUT') parts.add(searchParams.get('partNumber') ?? 'whole');
    });
    await page.setInputFiles('#files', films.large('harbour-at-dawn.mp4', 12 * MIB));
    const row = page.locator('[data-name="harbour-at-dawn.mp4"]');
    await until(page, 'document.querySelector("progress")?.value > 20');
    await page.getByRole('button', { name: 'Pause harbour-at-dawn.mp4' }).click();
    await row.getByText('Paused').waitFor();
    await page.getByRole('status').getByText('paused at').waitFor();
    expect(parts.size).toBeLessThan(3);
    const pausedAt = await row.getByRole('progressbar').getAttribute('value');
    await page.getByRole('button', { name: 'Resume harbour-at-dawn.mp4' }).click();
    await row.and(page.locator('[data-upload=done]')).waitFor();
    expect(Number(pausedAt)).toBeGreaterThan(20);
    expect([...parts].sort()).toEqual(['1', '2', '3']);
    await row.locator('[data-status=ready]').waitFor({ timeout: 120_000 });
    await page.goto('/library');
    await page.locator('[data-media]', { hasText: 'harbour at dawn' }).getByText('Ready', { exact: true }).waitFor();
  }, 180_000);

  test('leave nothing behind when their upload is cancelled', async () => {
    await openUpload(page);
    const part = page.waitForRequest((request) => request.url().includes('partNumber=1'));
    await page.setInputFiles('#files', films.large('second-thoughts.mp4', 12 * MIB));
    const url = new URL((await part).url());
    const [, key = '', mediaId = ''] = /codex-media-production\/(.+\/originals\/([^/]+)\/.+)$/.exec(url.pathname) ?? [];
    const signed = await page.request.post(`/api/media/${mediaId}/uploads/s3/sign`, {
      data: { method: 'GET', key: decodeURIComponent(key), uploadId: url.searchParams.get('uploadId') },
    });
    const listing = ((await signed.json()) as { url: string }).url;
    expect((await page.request.get(listing)).status()).toBe(200);
    const aborted = page.waitForResponse((response) =>
      isDelete(response.request().method(), response.url(), 'uploadId='),
    );
    const removed = page.waitForResponse((response) => isDelete(response.request().method(), response.url(), mediaId));
    await page.getByRole('button', { name: 'Cancel second-thoughts.mp4' }).click();
    expect((await aborted).status()).toBe(204);
    expect((await removed).status()).toBe(200);
    const gone = await page.request.get(listing);
    expect([gone.status(), await gone.text()]).toEqual([404, expect.stringContaining('NoSuchUpload')]);
    expect(await page.locator('[data-name="second-thoughts.mp4"]').count()).toBe(0);
    expect((await page.request.get(`/api/media/${mediaId}`)).status()).toBe(404);
  }, 60_000);

  test('are asked about when the page is left while they are under way', async () => {
    await openUpload(page);
    await page.setInputFiles('#files', films.large('interrupted.mp4', 12 * MIB));
    await until(page, 'document.querySelector("progress")?.value > 20');
    await page.getByRole('button', { name: 'Pause interrupted.mp4' }).click();
    const asked = page.waitForEvent('dialog');
    await page.close({ runBeforeUnload: true });
    const dialog = await asked;
    expect(dialog.type()).toBe('beforeunload');
    await dialog.dismiss();
    await page.getByRole('button', { name: 'Cancel interrupted.mp4' }).click();
    await page.locator('[data-name="interrupted.mp4"]').waitFor({ state: 'detached' });
  }, 60_000);

  test('play to the end over a private path, which is replaced when it is refused', async () => {
    const paths = new Set<string>();
    page.on('request', (request) => {
      const { pathname } = new URL(request.url());
      if (pathname.startsWith('/v/')) paths.add(pathname);
    });
    // Before the page is opened: a short film is loaded whole before anybody presses play.
    let refusals = 0;
    await page.route(/\/v\/.*segment-1/, async (route) => {
      refusals += 1;
      await (refusals === 1 ? route.fulfill({ status: 403 }) : route.continue());
    });
    const plays = listPlays(page);
    const loaded = page.waitForResponse((response) => response.url().includes('/segment-1') && response.ok());
    await watch(page, 'harbour at dawn');
    await page.locator('video[data-kind=hls][data-player="hls.js"]').waitFor();
    await loaded;
    await playToEnd(page);
    expect(refusals).toBeGreaterThan(1);
    // The path was replaced once, and that was no second view.
    expect(plays().toSorted()).toEqual(['/play', '/play?again']);
    await page.locator('[data-views="1"]').waitFor();
    expect([...paths].some((path) => path.endsWith('/master.m3u8'))).toBe(true);
    expect([...paths].filter((path) => path.includes('segment-')).length).toBeGreaterThanOrEqual(3);
    await page.unroute(/\/v\/.*segment-1/);
    expect(app.complaints().filter((complaint) => !REFUSED_SEGMENT.test(complaint))).toEqual([]);
    const stranger = await app.visitor();
    expect((await stranger.request.get([...paths][0] ?? '')).status()).toBeGreaterThanOrEqual(403);
    await stranger.context().close();
  }, 60_000);

  test('play as the original where there is nothing to stream', async () => {
    await openUpload(page);
    await page.setInputFiles('#files', films.soundOnly('field-recording.mp4'));
    const row = page.locator('[data-name="field-recording.mp4"]');
    await row.locator('[data-status=failed]').waitFor({ timeout: 120_000 });
    await page.getByRole('link', { name: 'Watch field-recording.mp4' }).click();
    await page.locator('video[data-kind=original]').waitFor();
    expect(await page.locator('video').getAttribute('src')).toMatch(/^\/api\/media\/.*\/original$/);
    await playToEnd(page);
    await page.locator('[data-views="1"]').waitFor();
  }, 180_000);

  test('are looked for again by the library while they are being prepared', async () => {
    const other = await page.context().newPage();
    await other.clock.install();
    // As it was a moment ago; what the page asks for later is as it is.
    await other.route('**/library', async (route) => {
      const response = await route.fetch();
      await route.fulfill({
        response,
        body: (await response.text()).replaceAll('status:"ready"', 'status:"transcoding"'),
      });
    });
    await other.goto('/library');
    const badge = other.locator('[data-media]', { hasText: 'harbour at dawn' }).locator('[data-status]');
    await badge.and(other.locator('[data-status=transcoding]')).waitFor();
    await other.clock.fastForward(4000);
    await badge.and(other.locator('[data-status=ready]')).waitFor();
    await other.close();
  }, 60_000);

  test('are seen by others from the moment that they are published, whatever the cache had', async () => {
    const other = await app.visitor();
    await signUp(other, { name: 'Bo Lind', email: 'bo@example.com', password: 'another sentence, long enough' });
    const badge = publishedBadge(other);
    await other.goto('/library');
    await other.goto('/library');
    expect(await badge.getAttribute('data-cache')).toBe('hit');
    expect(await badge.innerText()).toMatch(/^from cache, \d+ (s|min) old$/);
    expect(await other.getByRole('heading', { name: 'harbour at dawn' }).count()).toBe(0);

    await page.goto('/library');
    await hydrated(page);
    expect(await publishedBadge(page).getAttribute('data-cache')).toBe('hit');
    await page.getByRole('button', { name: 'Publish harbour at dawn' }).click();
    await page.getByRole('button', { name: 'Unpublish harbour at dawn' }).waitFor();
    expect(await publishedBadge(page).innerText()).toBe('loaded');

    await other.getByRole('link', { name: 'Load again' }).click();
    await other.getByRole('heading', { name: 'harbour at dawn' }).waitFor();
    expect(await badge.innerText()).toMatch(/^from cache, \d s old$/);
    await other.context().close();
  }, 60_000);
});

async function openUpload(page: Page): Promise<void> {
  await page.goto('/upload');
  await page.locator('#files:not([disabled])').waitFor({ state: 'attached' });
  const session = await page.context().newCDPSession(page);
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: UPLOAD_BYTES_PER_SECOND,
  });
}

async function watch(page: Page, title: string): Promise<void> {
  await page.goto('/library');
  await page.getByRole('link', { name: title, exact: true }).click();
  await page.getByRole('heading', { name: title }).waitFor();
}

async function playToEnd(page: Page): Promise<void> {
  await page.evaluate('(video => { video.muted = true; return video.play(); })(document.querySelector("video"))');
  await until(page, 'document.querySelector("video").ended');
}

function publishedBadge(page: Page): Locator {
  return page.getByRole('region', { name: 'Published by everyone' }).locator('[data-cache]');
}

function listPlays(page: Page): () => string[] {
  const plays: string[] = [];
  page.on('request', (request) => {
    const [play] = /\/play(\?.*)?$/.exec(request.url()) ?? [];
    if (request.method() === 'POST' && play !== undefined) plays.push(play);
  });
  return () => plays;
}

function isDelete(method: string, url: string, part: string): boolean {
  return method === 'DELETE' && url.includes(part);
}
