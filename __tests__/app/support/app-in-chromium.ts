import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { freePort, launchChromium } from '../../e2e/support/chromium.js';

const ROOT = join(__dirname, '../../..');
const START_TIMEOUT_MS = 90_000;
const HOST = '127.0.0.1';

/** The app as `npm run app` starts it, and a Chromium that looks at it. */
export interface AppInChromium {
  readonly url: string;
  readonly browser: Browser;
  /** Of the owner, whom the demo data has, and who sees `/admin`. */
  readonly owner: { readonly email: string; readonly password: string };
  /** A browser of its own, with its own cookies; what goes wrong in it is in `complaints`. */
  visitor(options?: BrowserContextOptions): Promise<Page>;
  /** Errors of scripts and of consoles, and requests that left this machine, since they were last read. */
  complaints(): string[];
  stop(): Promise<void>;
}

/** Starts both; the app must have been built (`npm run test:app` does). */
export async function startAppInChromium(): Promise<AppInChromium> {
  const port = await freePort();
  const url = `http://${HOST}:${port}`;
  const app = spawn(process.execPath, ['examples/sveltekit/run.mjs', '--port', String(port)], { cwd: ROOT });
  const [, email = '', password = ''] = /owner +(\S+) +(\S+)/.exec(await printed(app, 'Ctrl+C')) ?? [];
  const browser = await launchChromium();
  let complaints: string[] = [];
  return {
    url,
    browser,
    owner: { email, password },
    async visitor(options) {
      const context = await browser.newContext({ baseURL: url, ...options });
      listen(context, (complaint) => complaints.push(complaint));
      return context.newPage();
    },
    complaints() {
      const told = complaints;
      complaints = [];
      return told;
    },
    async stop() {
      await browser.close();
      const ended = new Promise((resolve) => app.once('exit', resolve));
      app.kill('SIGTERM');
      await ended;
    },
  };
}

/** Makes an account by the API, which signs the page's browser in. */
export async function signUp(page: Page, { name, email, password }: Account): Promise<string> {
  const response = await page.request.post('/api/auth/signup', { data: { name, email, password } });
  if (!response.ok()) throw new Error(`${response.status()} ${await response.text()}`);
  return ((await response.json()) as { id: string }).id;
}

/** Somebody with an account. */
export interface Account {
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

/** Fills in the form of `/login` and sends it. */
export async function signIn(page: Page, email: string, password: string): Promise<void> {
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Resolves when the page has taken over from what the server sent: until then, forms are the browser's own. */
export async function hydrated(page: Page): Promise<void> {
  await page.locator('html[data-hydrated]').waitFor();
}

/** Resolves when an expression is true in the page. (Playwright's own wait needs `eval`, which the app's CSP refuses.) */
export async function until(page: Page, expression: string): Promise<void> {
  await page.evaluate(
    `new Promise((resolve) => { const look = () => ((${expression}) ? resolve() : requestAnimationFrame(look)); look(); })`,
  );
}

function listen(context: BrowserContext, complain: (complaint: string) => void): void {
  context.on('weberror', (error) => complain(`error: ${error.error().message}`));
  context.on('console', (message) => {
    if (message.type() === 'error') complain(`console: ${message.text()} ${message.location().url}`);
  });
  context.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && hostname !== HOST) complain(`request: ${request.url()}`);
  });
}

/** What the process printed up to `text`; rejects with all it printed when it ends or takes too long. */
function printed(child: ChildProcess, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (): void => reject(new Error(`The app did not start:\n${output}`));
    const timer = setTimeout(fail, START_TIMEOUT_MS);
    child.once('exit', fail);
    child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (!output.includes(text)) return;
      clearTimeout(timer);
      child.off('exit', fail);
      resolve(output);
    });
  });
}
