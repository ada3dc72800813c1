import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
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

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** Serves a folder as any host of static files does. */
function serve(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const file = join(folder, decodeURIComponent(new URL(request.url!, 'http://127.0.0.1').pathname));
    if (request.url === '/favicon.ico') return response.writeHead(204).end(); // browsers ask for it by themselves
    if (!existsSync(file)) return response.writeHead(404).end();
    return response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'text/plain' }).end(readFileSync(file));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

describeInChromium('the site of the documents, from a server of files', () => {
  let folder: string;
  let browser: Browser | undefined;
  let page: Page;
  let troubles: string[];
  let server: Server;
  let origin: string;
  const urlOf = (path: string): string => `${origin}/${path}`;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'codex-docs-e2e-'));
    execFileSync(process.execPath, ['scripts/build-docs.mjs', '--out', folder], { cwd: ROOT });
    server = await serve(folder);
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await launchChromium();
  }, BUILD_TIMEOUT_MS);

  afterAll(async () => {
    await browser?.close();
    await new Promise((resolve) => server.close(resolve));
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
      if (!request.url().startsWith(`${origin}/`) && !/^(?:data|blob):/.test(request.url()))
        troubles.push(`request: ${request.url()}`);
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
    for (const code of ['LOADER_TIMEOUT', 'KV_TIMEOUT', 'INVALID_OPTION']) {
      expect((await search(code))[0]).toContain('Troubleshooting');
    }
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
