import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { describeInChromium, freePort, launchChromium } from './support/chromium.js';

const ROOT = join(__dirname, '../..');
const START_TIMEOUT_MS = 60_000;

describeInChromium('the page of the demo', () => {
  let demo: ChildProcess | undefined;
  let url: string;
  let browser: Browser | undefined;
  let page: Page;

  beforeAll(async () => {
    url = `http://127.0.0.1:${await freePort()}`;
    demo = spawn(process.execPath, ['examples/worker/demo.mjs', '--port', new URL(url).port], { cwd: ROOT });
    await printed(demo, 'The page is at');
    browser = await launchChromium();
  }, START_TIMEOUT_MS * 2);

  afterAll(async () => {
    await browser?.close();
    if (demo === undefined) return;
    const running = demo;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGTERM');
    expect(await ended).toBe(0);
  }, START_TIMEOUT_MS);

  beforeEach(async () => {
    page = await (await browser!.newContext({ viewport: { width: 390, height: 844 } })).newPage();
  });

  afterEach(async () => {
    await page.context().close();
  });

  test('shows the media as cached, as loaded after something was published, and as cached again', async () => {
    await page.goto(url);
    const badge = page.locator('#cache-badge');
    await badge.getByText(/^cached/).waitFor();
    expect(await page.locator('#timing').innerText()).toMatch(/^cache;desc="hit 1"/);
    await publishAnother(page);
    await page.getByRole('button', { name: 'Load again' }).click();
    await badge.getByText(/^loaded/).waitFor();
    await page.locator('#media h3', { hasText: 'Spring gradients' }).waitFor();
    await page.getByRole('button', { name: 'Load again' }).click();
    await badge.getByText(/^cached/).waitFor();
    expect(await page.locator('#media tr').count()).toBe(12);
  });

  test('shows every step of the tour as passed, within the width of a phone', async () => {
    await page.goto(url);
    await page
      .locator('#tour-summary')
      .getByText(/(28 of 28|27 of 28) steps passed/)
      .waitFor();
    // All but what needs ffmpeg, where there is none.
    const count = (outcome: string) => page.locator(`#tour [data-outcome="${outcome}"]`).count();
    expect((await count('passed')) + (await count('skipped'))).toBe(28);
    expect(await count('failed')).toBe(0);
    const skipped = page.locator('#tour tr', { has: page.locator('[data-outcome="skipped"]') });
    for (const row of await skipped.allInnerTexts()) expect(row).toContain('no ffmpeg');
    expect(await page.evaluate('document.documentElement.scrollWidth - window.innerWidth')).toBe(0);
  });

  test('plays private HLS to its end once logged in, and shows a signed link', async () => {
    await page.goto(url);
    await page.locator('#hint').waitFor();
    await logIn(page, await page.locator('#email').inputValue(), await page.locator('#hint code').innerText());
    await page
      .locator('#expiry')
      .getByText(/^(10 min 0|9 min \d+) s$/)
      .waitFor();
    await page.locator('#hls-status').getByText('360p and 720p.').waitFor();
    await page.evaluate('document.getElementById("player").play()');
    await page.waitForFunction('document.getElementById("player").ended');
    expect(await page.locator('#signed-link').getAttribute('href')).toContain('X-Amz-Signature=');
    expect(await page.locator('#views').innerText()).toMatch(/^\d+ times$/);
  });

  test('logs out everywhere: a second browser is refused at its next request', async () => {
    const other = await (await browser!.newContext()).newPage();
    for (const each of [page, other]) {
      await each.goto(url);
      await each.locator('#hint').waitFor();
      await logIn(each, await each.locator('#email').inputValue(), await each.locator('#hint code').innerText());
      await each.locator('#account').waitFor();
    }
    await page.getByRole('button', { name: 'Log out everywhere' }).click();
    await page.locator('#login').waitFor();
    await other.reload();
    await other.locator('#login').waitFor();
    expect(await other.locator('#account').isHidden()).toBe(true);
    await other.context().close();
  });

  test('puts a file of the browser straight into the bucket, and lists it', async () => {
    await page.goto(url);
    await page.locator('#hint').waitFor();
    await logIn(page, await page.locator('#email').inputValue(), await page.locator('#hint code').innerText());
    await page.locator('#file').setInputFiles(join(ROOT, 'examples/worker/media/originals/original.mp4'));
    const put = page.waitForRequest((request) => request.method() === 'PUT');
    await page.getByRole('button', { name: 'Upload and publish' }).click();
    expect((await put).url()).toContain('X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bif-none-match');
    await page.locator('#upload-message').getByText('original.mp4 is in the bucket, and listed.').waitFor();
    await page.locator('#media h3', { hasText: 'original.mp4' }).waitFor();
    await page.locator('#file').setInputFiles({ name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('no') });
    await page.getByRole('button', { name: 'Upload and publish' }).click();
    await page.locator('#upload-message').getByText('Please choose a video: MP4, WebM or MOV.').waitFor();
  });

  test('says at the sixth wrong password how long to wait', async () => {
    await page.goto(url);
    await page.locator('#media h3').first().waitFor();
    const statuses: number[] = [];
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      const answer = page.waitForResponse(/api\/login/);
      await logIn(page, 'eve@example.com', 'a guess');
      statuses.push((await answer).status());
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
    await page
      .getByRole('alert')
      .getByText(/Please wait 15 minutes and try again\. \(\d{3} s left\)/)
      .waitFor();
  });
});

/** Publishes an item of the account that the tour made, as its owner. */
async function publishAnother(page: Page): Promise<void> {
  const { origin } = new URL(page.url());
  const { request } = page;
  const email = await page.locator('#email').inputValue();
  const password = await page.locator('#hint code').innerText();
  await request.post(`${origin}/api/login`, { data: { email, password } });
  const { id } = (await (
    await request.post(`${origin}/api/media`, { data: { title: 'Spring gradients' } })
  ).json()) as {
    id: string;
  };
  expect((await request.post(`${origin}/api/media/${id}/publish`)).status()).toBe(202);
  await request.post(`${origin}/api/logout`);
}

async function logIn(page: Page, email: string, password: string): Promise<void> {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

/** Resolves when the process has printed `text`; rejects with all it printed when it ends or takes too long. */
function printed(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (): void => reject(new Error(`The demo did not start:\n${output}`));
    const timer = setTimeout(fail, START_TIMEOUT_MS);
    child.once('exit', fail);
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (!output.includes(text)) return;
      clearTimeout(timer);
      child.off('exit', fail);
      resolve();
    });
  });
}
