import type { Page } from 'playwright-core';
import { describeInChromium } from '../e2e/support/chromium.js';
import { hydrated, signIn, signUp, startAppInChromium, type AppInChromium } from './support/app-in-chromium.js';

const ada = { name: 'Ada Quist', email: 'ada@example.com', password: 'a sentence that nobody guesses' };
// What Chromium says by itself of an answer with an error status.
const REFUSED_DOCUMENT = /^console: Failed to load resource: the server responded with a status of (400|429)/;

describeInChromium('signing in to the app', () => {
  let app: AppInChromium;

  beforeAll(async () => {
    app = await startAppInChromium();
    const page = await app.visitor();
    await signUp(page, ada);
    await page.context().close();
  }, 120_000);

  afterAll(() => app.stop(), 30_000);

  test('works by keyboard alone, and leads to the page that was wanted', async () => {
    const page = await app.visitor();
    await page.goto('/account');
    expect(new URL(page.url()).pathname).toBe('/login');
    await hydrated(page);
    await tabTo(page, 'a.skip');
    await page.keyboard.press('Enter');
    await tabTo(page, '#email');
    await page.keyboard.type(ada.email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(ada.password);
    await page.keyboard.press('Tab');
    expect(await outlineOfFocus(page)).toMatch(/solid 3px/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Where you are signed in' }).waitFor();
    expect(app.complaints()).toEqual([]);
    await page.context().close();
  });

  test('is refused at the sixth wrong password, in words that get the focus', async () => {
    const page = await app.visitor();
    await page.goto('/login');
    await hydrated(page);
    const statuses: number[] = [];
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      const answer = page.waitForResponse((response) => response.request().method() === 'POST');
      await signIn(page, 'eve@example.com', `guess ${attempt}`);
      statuses.push(((await (await answer).json()) as { status: number }).status);
      await page.getByRole('alert').waitFor();
      await page.getByRole('button', { name: 'Sign in' }).isEnabled();
    }
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429]);
    await page
      .getByRole('alert')
      .getByText(/Too many attempts\..*minutes/s)
      .waitFor();
    expect(await page.evaluate('document.activeElement.getAttribute("role")')).toBe('alert');
    expect(await page.getByLabel('E-mail').inputValue()).toBe('eve@example.com');
    expect(app.complaints()).toEqual([]);
    await page.context().close();
  });

  test('works without JavaScript: the refusal is a page with status 429 and Retry-After', async () => {
    const page = await app.visitor({ javaScriptEnabled: false });
    await page.goto('/login');
    const statuses: number[] = [];
    let retryAfter: string | null = null;
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      const answer = page.waitForResponse((response) => response.request().method() === 'POST');
      await signIn(page, 'mallory@example.com', `guess ${attempt}`);
      statuses.push((await answer).status());
      retryAfter = await (await answer).headerValue('retry-after');
      await page.getByRole('alert').waitFor();
    }
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429]);
    expect(Number(retryAfter)).toBeGreaterThan(0);
    await page.getByRole('alert').getByText('Too many attempts.').waitFor();
    expect(app.complaints().filter((complaint) => !REFUSED_DOCUMENT.test(complaint))).toEqual([]);
    await page.context().close();
  });

  test('makes an account, and says which field is at fault', async () => {
    const page = await app.visitor();
    await page.goto('/signup');
    await hydrated(page);
    await page.getByLabel('Name').fill('Grace');
    await page.getByLabel('E-mail').fill(ada.email);
    await page.getByLabel('Password').fill('another sentence, long enough');
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByLabel('E-mail').getAttribute('aria-invalid')).toBe('true');
    await page.getByLabel('E-mail').fill('grace@example.com');
    await page.getByLabel('Password').fill('another sentence, long enough');
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByRole('heading', { name: 'Library' }).waitFor();
    expect(app.complaints()).toEqual([]);
    await page.context().close();
  });

  test('is over everywhere once somebody logs out everywhere: a second browser is refused at its next request', async () => {
    const [page, other] = [await app.visitor(), await app.visitor()];
    for (const each of [page, other]) {
      await each.goto('/login');
      await hydrated(each);
      await signIn(each, ada.email, ada.password);
      await each.getByRole('heading', { name: 'Library' }).waitFor();
    }
    await page.goto('/account');
    expect(await page.locator('.devices > li').count()).toBeGreaterThanOrEqual(2);
    await page.getByRole('button', { name: 'Log out everywhere' }).click();
    await page.waitForURL('**/login*');
    await other.reload();
    expect(new URL(other.url()).pathname).toBe('/login');
    expect((await other.request.get('/api/auth/me')).status()).toBe(401);
    expect(app.complaints()).toEqual([]);
    await page.context().close();
    await other.context().close();
  });
});

async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)) return;
  }
  throw new Error(`The focus never came to ${selector}.`);
}

function outlineOfFocus(page: Page): Promise<string> {
  return page.evaluate(
    '(({ outlineStyle, outlineWidth }) => `${outlineStyle} ${outlineWidth}`)(getComputedStyle(document.activeElement))',
  );
}
