import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { describeInChromium, launchChromium } from './support/chromium.js';

const ROOT = join(__dirname, '../..');
const BUILD_TIMEOUT_MS = 240_000;
const PAGES = [
  'index.html',
  'documents/Architecture.html',
  'documents/Troubleshooting.html',
  'documents/Migration.html',
  'classes/_codex_cloudflare-clients.CacheClient.html',
  'modules/_codex_cloudflare-clients.html',
];

describeInChromium('the site of the documents, opened from its files', () => {
  let folder: string;
  let browser: Browser | undefined;
  let page: Page;
  let troubles: string[];
  const urlOf = (path: string): string => pathToFileURL(join(folder, path)).href;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'codex-docs-e2e-'));
    execFileSync(process.execPath, ['scripts/build-docs.mjs', '--out', folder], { cwd: ROOT });
    browser = await launchChromium();
  }, BUILD_TIMEOUT_MS);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function openAt(width: number): Promise<void> {
    page = await (await browser!.newContext({ viewport: { width, height: 844 } })).newPage();
    troubles = [];
    page.on('console', (message) => {
      if (message.type() === 'error') troubles.push(message.text());
    });
    page.on('pageerror', (error) => troubles.push(error.message));
    page.on('request', (request) => {
      if (!/^(?:file|data|blob):/.test(request.url())) troubles.push(`request: ${request.url()}`);
    });
  }

  afterEach(async () => {
    await page.context().close();
    expect(troubles).toEqual([]);
  });

  async function search(words: string): Promise<string[]> {
    await page.goto(urlOf('index.html'));
    await page.locator('#tsd-search-trigger').click();
    await page.locator('#tsd-search-input').fill(words);
    const results = page.locator('#tsd-search-results li');
    await results.first().waitFor();
    return results.allInnerTexts();
  }

  test('finds a name of the API', async () => {
    await openAt(1280);
    expect((await search('getOrSetMany')).join('\n')).toMatch(/CacheClient\.?\s*getOrSetMany/);
  });

  test('finds a phrase of a guide, and an error by its code', async () => {
    await openAt(1280);
    expect((await search('stock never below zero')).join('\n')).toContain('Locks and counters');
    expect((await search('LOADER_TIMEOUT')).join('\n')).toContain('Troubleshooting');
  });

  test.each([1280, 390])('shows its pages without scrolling sideways at %d px', async (width) => {
    await openAt(width);
    for (const path of PAGES) {
      await page.goto(urlOf(path));
      await page.locator('h1').first().waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth - window.innerWidth')).toBeLessThanOrEqual(0);
      expect(await page.evaluate('[...document.images].every((image) => image.naturalWidth > 0)')).toBe(true);
    }
  });

  test('leads from the README to a guide, from there to a section of another, and back to the first page', async () => {
    await openAt(1280);
    await page.goto(urlOf('index.html'));
    await page.locator('.tsd-typography a', { hasText: 'guide' }).first().click();
    await page.waitForURL(/documents\/Caching\.html/);
    await page.locator('.tsd-typography a[href*="#loads-per-expiry"]').click();
    await page.waitForURL(/documents\/Performance\.html#loads-per-expiry/);
    await page.locator('a.title').click();
    await page.waitForURL(/index\.html$/);
  });
});
