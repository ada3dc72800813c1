import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { APP, describeApp, startAppServer } from './support/app-server.js';
import type { AppServer } from './support/app-server.js';
import { jsonOf, Visitor } from './support/visitor.js';

const PASSWORD = 'a sentence that nobody guesses';

describeApp('the SvelteKit app: accounts and sessions', () => {
  let app: AppServer;
  const visitor = (ip?: string): Visitor => new Visitor(app.url, ip);

  beforeAll(async () => {
    app = await startAppServer();
  }, 120_000);

  afterAll(() => app.stop(), 30_000);

  async function signUp(email: string): Promise<Visitor> {
    const browser = visitor();
    const response = await browser.json('/api/auth/signup', { name: 'Somebody', email, password: PASSWORD });
    expect(response.status).toBe(201);
    return browser;
  }

  test('the landing page is a file that was made when the app was built', async () => {
    expect(readFileSync(join(APP, '.svelte-kit/cloudflare/index.html'), 'utf8')).toContain('Codex');
    const response = await visitor().get('/');
    expect(response.status).toBe(200);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('pages are served without a platform, to nobody in particular', async () => {
    const script = join(__dirname, 'support/without-platform.mjs');
    // Not waited for in this thread, which would miss that the server closes connections.
    const { stdout } = await promisify(execFile)(process.execPath, [script, APP]);
    expect(JSON.parse(stdout)).toEqual({
      '/login': [200, null],
      '/library': [303, '/login?next=%2Flibrary'],
      '/api/auth/me': [401, null],
    });
  });

  test('sign-up by the form opens a session in a cookie that scripts cannot read', async () => {
    const browser = visitor();
    const response = await browser.form('/signup', { name: 'Form', email: 'form@example.com', password: PASSWORD });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/library']);
    expect(response.headers.get('set-cookie')).toMatch(
      /^codex-session=[0-9a-f]{64}; Max-Age=86400; Path=\/; HttpOnly; SameSite=Lax$/i,
    );
    const page = await browser.get('/library');
    expect(page.status).toBe(200);
    expect(page.headers.get('cache-control')).toContain('no-store');
    expect(page.headers.get('content-security-policy')).toContain(`connect-src ${new URL(app.endpoint).origin} 'self'`);
  });

  test('an address that has an account is refused, and so is a short password', async () => {
    await signUp('twice@example.com');
    const account = { name: 'Twice', email: ' TWICE@example.com ', password: PASSWORD };
    expect((await visitor().json('/api/auth/signup', account)).status).toBe(409);
    const short = await visitor().form('/signup', { ...account, email: 'new@example.com', password: 'short' });
    expect(short.status).toBe(400);
    expect(await short.text()).toContain('at least 10 characters');
  });

  test('whoever signs up with ADMIN_EMAIL is the owner, whom alone the figures are for', async () => {
    const boss = await signUp('boss@codex.example');
    expect(await jsonOf(boss.get('/api/auth/me'))).toMatchObject({ role: 'owner' });
    expect((await boss.get('/admin')).status).toBe(200);
    expect((await (await signUp('plain@example.com')).get('/admin')).status).toBe(403);
  });

  test('a session is served from the cache, and from the database when its entry is gone', async () => {
    const browser = await signUp('cached@example.com');
    expect(await jsonOf(browser.get('/api/auth/me'))).toMatchObject({ sessionSource: 'cache' });
    const dropped = await app.drop('AUTH_SESSION_KV', 'session:');
    // Under a hash: who can read the namespace cannot take sessions over.
    expect(dropped.some((key) => browser.cookie.includes(key.slice('session:'.length)))).toBe(false);
    expect(await jsonOf(browser.get('/api/auth/me'))).toMatchObject({ sessionSource: 'database' });
    expect(await jsonOf(browser.get('/api/auth/me'))).toMatchObject({ sessionSource: 'cache' });
  });

  test('a session that has expired in the database is none', async () => {
    const browser = await signUp('expired@example.com');
    await app.sql(
      "UPDATE sessions SET expires_at = '2020-01-01T00:00:00.000Z' WHERE user_id = (SELECT id FROM users WHERE email = ?)",
      'expired@example.com',
    );
    await app.drop('AUTH_SESSION_KV', 'session:');
    expect((await browser.get('/api/auth/me')).status).toBe(401);
  });

  test('of 50 logins at once 5 are looked at, and the others get 429 with headers and a sentence', async () => {
    await signUp('guessed@example.com');
    const guesses = Array.from({ length: 50 }, (_, index) =>
      visitor('198.51.100.9').json('/api/auth/login', { email: 'guessed@example.com', password: `guess ${index}` }),
    );
    const responses = await Promise.all(guesses);
    expect(responses.filter(({ status }) => status === 401)).toHaveLength(5);
    const refused = responses.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(45);
    expect(refused[0]!.headers.get('content-type')).toBe('application/problem+json');
    expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThan(800);
    expect(refused[0]!.headers.get('ratelimit')).toMatch(/^"login";r=0;t=\d+$/);
    expect(await jsonOf(refused[0]!)).toMatchObject({
      status: 429,
      detail: 'Too many attempts. Try again in 15 minutes.',
    });
  });

  test('the form says so too: its page has the status, the headers and the sentence, and the right password does not help', async () => {
    await signUp('form-guessed@example.com');
    const browser = visitor('198.51.100.10');
    const fields = { email: 'form-guessed@example.com', password: 'wrong' };
    for (let attempt = 0; attempt < 5; attempt += 1) expect((await browser.form('/login', fields)).status).toBe(400);
    const refused = await browser.form('/login', { ...fields, password: PASSWORD });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(800);
    expect(refused.headers.get('ratelimit-policy')).toBe('"login";q=5;w=900');
    expect(await refused.text()).toContain('Too many attempts. Try again in 15 minutes.');
    expect(browser.cookie).toBe('');
    // Somebody else's guesses do not lock the owner of the account out.
    expect((await visitor('198.51.100.11').form('/login', { ...fields, password: PASSWORD })).status).toBe(303);
  });

  test('the login leads to where the visitor was going, and to no other site', async () => {
    await signUp('next@example.com');
    const fields = { email: 'next@example.com', password: PASSWORD };
    const target = async (next: string): Promise<string | null> =>
      (await visitor().form(`/login?next=${encodeURIComponent(next)}`, fields)).headers.get('location');
    expect(await target('/admin?minutes=15')).toBe('/admin?minutes=15');
    const hosts = [
      'https://evil.example/',
      '//evil.example/',
      '/\\evil.example',
      '/..//evil.example',
      '/a/..//evil.example',
    ];
    for (const foreign of [...hosts, 'javascript:alert(1)']) expect(await target(foreign)).toBe('/library');
  });

  test('forms and calls of other sites are refused', async () => {
    const browser = await signUp('forged@example.com');
    const foreign = { origin: 'https://evil.example' };
    const form = { method: 'POST', headers: foreign, body: new URLSearchParams({ title: 'Forged' }) };
    expect((await browser.send('/library?/create', form)).status).toBe(403);
    expect((await browser.send('/api/auth/logout-everywhere', { method: 'POST', headers: foreign })).status).toBe(403);
    // The same route, written so that no rule on paths knows it.
    expect((await browser.send('/%61pi/auth/logout-everywhere', { method: 'POST', headers: foreign })).status).toBe(
      403,
    );
    expect((await browser.get('/api/auth/me')).status).toBe(200);
  });

  test('a common password is not tried on ever more accounts from one address', async () => {
    const statuses: number[] = [];
    const guess = (index: number): Promise<Response> =>
      visitor('198.51.100.20').json('/api/auth/login', { email: `no-${index}@example.com`, password: 'Summer2026!' });
    for (let index = 0; index < 51; index += 1) statuses.push((await guess(index)).status);
    expect(statuses.slice(0, 50).every((status) => status === 401)).toBe(true);
    expect(statuses[50]).toBe(429);
  });

  test('what is too long, or no form at all, is refused before it takes room', async () => {
    const browser = visitor('198.51.100.21');
    const long = { email: 'long@example.com', password: 'x'.repeat(1_000_000) };
    expect((await browser.json('/api/auth/login', long)).status).toBe(413);
    expect((await browser.form('/login', long)).status).toBe(413);
    const headers = { accept: 'text/html', 'content-type': 'multipart/form-data; boundary=x' };
    expect((await browser.send('/login', { method: 'POST', headers, body: 'no form' })).status).toBe(400);
  });

  test('over HTTPS the cookie is one that no other host of the site can set, and any other is not looked at', async () => {
    const email = 'https@example.com';
    await signUp(email);
    const body = JSON.stringify({ email, password: PASSWORD });
    const headers = { 'content-type': 'application/json', 'cf-connecting-ip': '198.51.100.22' };
    const { cookies } = await app.https('/api/auth/login', { method: 'POST', headers, body });
    expect(cookies).toEqual([
      expect.stringMatching(
        /^__Host-codex-session=[0-9a-f]{64}; Max-Age=86400; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
      ),
    ]);
    const cookie = cookies[0]!.split(';')[0]!;
    expect((await app.https('/api/auth/me', { headers: { cookie } })).status).toBe(200);
    const tossed = cookie.replace('__Host-', '');
    expect((await app.https('/api/auth/me', { headers: { cookie: tossed } })).status).toBe(401);
  });

  test('logout ends this session and no other', async () => {
    const browser = await signUp('logout@example.com');
    const other = await visitor().login({ email: 'logout@example.com', password: PASSWORD });
    const { cookie } = browser;
    expect((await browser.form('/account?/logout', {})).headers.get('location')).toBe('/login');
    expect((await visitor().get('/api/auth/me', { cookie })).status).toBe(401);
    expect((await other.get('/api/auth/me')).status).toBe(200);
  });

  test('logout everywhere refuses a second browser at its next request, also where its session was cached', async () => {
    const browser = await signUp('everywhere@example.com');
    const second = await visitor().login({ email: 'everywhere@example.com', password: PASSWORD });
    expect(await jsonOf(second.get('/api/auth/me'))).toMatchObject({ sessionSource: 'cache' });
    expect(await jsonOf(browser.post('/api/auth/logout-everywhere'))).toEqual({ ended: 2 });
    expect((await second.get('/api/auth/me')).status).toBe(401);
    expect((await second.get('/library')).headers.get('location')).toBe('/login?next=%2Flibrary');
    await visitor().login({ email: 'everywhere@example.com', password: PASSWORD });
  });

  test('the account lists sessions by device, and ends one of them', async () => {
    const browser = await signUp('devices@example.com');
    const phone = visitor();
    const iphone = { 'user-agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19.0 Mobile Safari/604.1' };
    const body = JSON.stringify({ email: 'devices@example.com', password: PASSWORD });
    await phone.send('/api/auth/login', {
      method: 'POST',
      headers: { ...iphone, 'content-type': 'application/json' },
      body,
    });
    const page = await (await browser.get('/account')).text();
    expect(page).toContain('Chrome on Linux');
    expect(page).toContain('Safari on iPhone');
    const [row] = await app.sql(
      "SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = ? AND s.user_agent LIKE '%iPhone%'",
      'devices@example.com',
    );
    expect((await browser.form('/account?/endSession', { id: String(row!['id']) })).status).toBe(200);
    expect((await phone.get('/api/auth/me')).status).toBe(401);
    expect((await browser.get('/api/auth/me')).status).toBe(200);
  });

  test('a device that the list of the cache does not have yet is signed out with all others, and the page says so', async () => {
    const browser = await signUp('young@example.com');
    const phone = await visitor().login({ email: 'young@example.com', password: PASSWORD });
    const [row] = await app.sql(
      'SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = ? ORDER BY s.created_at DESC',
      'young@example.com',
    );
    // As KV is for a minute: what was written is not listed.
    await app.drop('AUTH_SESSION_KV');
    const answer = await browser.form('/account?/endSession', { id: String(row!['id']) });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/login?ended=all']);
    expect(browser.cookie).toBe('');
    expect(await (await browser.get('/login?ended=all')).text()).toContain('every device was signed out');
    expect((await phone.get('/api/auth/me')).status).toBe(401);
  });

  test('nobody ends a session of somebody else', async () => {
    await signUp('victim@example.com');
    const [row] = await app.sql(
      'SELECT s.id FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = ?',
      'victim@example.com',
    );
    const browser = await signUp('attacker@example.com');
    expect((await browser.form('/account?/endSession', { id: String(row!['id']) })).status).toBe(404);
  });
});
