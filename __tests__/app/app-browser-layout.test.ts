import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describeInChromium } from '../e2e/support/chromium.js';
import { startAppInChromium, type AppInChromium } from './support/app-in-chromium.js';
import { PAGE_AUDIT } from './support/page-audit.js';

// APP_SHOTS=docs/images takes the pictures of the documents anew.
const SHOTS = process.env['APP_SHOTS'];
const OPEN = ['/', '/login', '/signup'];
const CLOSED = ['/library', '/upload', '/account', '/admin'];

describeInChromium('the pages of the app', () => {
  let app: AppInChromium;

  beforeAll(async () => {
    app = await startAppInChromium();
    if (SHOTS !== undefined) mkdirSync(SHOTS, { recursive: true });
  }, 120_000);

  afterAll(() => app.stop(), 30_000);

  test.each([
    { width: 1280, colorScheme: 'light' as const },
    { width: 390, colorScheme: 'light' as const },
    { width: 1280, colorScheme: 'dark' as const },
    { width: 390, colorScheme: 'dark' as const },
  ])(
    'can be read and used at $width px, $colorScheme',
    async ({ width, colorScheme }) => {
      const page = await app.visitor({ viewport: { width, height: width === 390 ? 844 : 800 }, colorScheme });
      const faults: Record<string, unknown> = {};
      for (const path of OPEN) faults[path] = await auditOf(page, path);
      await page.request.post('/api/auth/login', { data: app.owner });
      // Neither spaces nor an end: the longest word that a title can be.
      await page.request.post('/api/media', { data: { title: 'Donaudampfschiff'.repeat(7) } });
      for (const path of CLOSED) faults[path] = await auditOf(page, path);
      await page.goto('/library');
      faults['/watch'] = await auditOf(page, (await page.locator('h3 a').first().getAttribute('href')) ?? '');
      expect(faults).toEqual(Object.fromEntries([...OPEN, ...CLOSED, '/watch'].map((path) => [path, []])));
      expect(app.complaints()).toEqual([]);
      await page.context().close();
    },
    60_000,
  );

  test('that need no script have none', async () => {
    const page = await app.visitor();
    await page.request.post('/api/auth/login', { data: app.owner });
    const scripts: string[] = [];
    page.on('request', (request) => {
      if (request.resourceType() === 'script') scripts.push(request.url());
    });
    for (const path of ['/', '/account', '/admin']) await page.goto(path, { waitUntil: 'networkidle' });
    expect(scripts).toEqual([]);
    await page.context().close();
  }, 30_000);

  test('draw charts on the server, each with a name, a unit and its figures as a table', async () => {
    const page = await app.visitor({ javaScriptEnabled: false });
    await page.request.post('/api/auth/login', { data: app.owner });
    await page.goto('/admin?minutes=15');
    for (const name of ['Cache hit rate', 'Latency of reads', 'Decisions of the limiter', 'Storage by creator']) {
      const figure = page.locator('figure', { has: page.getByRole('heading', { name, exact: true }) });
      expect(await figure.locator('svg').count()).toBeGreaterThan(0);
      await figure.getByText('The figures as a table').click();
      expect(await figure.locator('th[scope=row]').count()).toBeGreaterThan(0);
    }
    expect(await page.getByRole('img', { name: /^(Line|Column) chart|^Histogram/ }).count()).toBe(3);
    await page.context().close();
  }, 30_000);
});

async function auditOf(page: Page, path: string): Promise<unknown> {
  await page.goto(path, { waitUntil: 'networkidle' });
  const { width } = page.viewportSize() ?? { width: 0 };
  const isDark = await page.evaluate('matchMedia("(prefers-color-scheme: dark)").matches');
  if (SHOTS !== undefined && isDark === false) {
    const name = path === '/' ? 'home' : path.split('/')[1];
    await page.screenshot({ path: join(SHOTS, `app-${name}-${width}.png`), fullPage: true });
  }
  return page.evaluate(PAGE_AUDIT);
}
