import type { Miniflare } from 'miniflare';
import { SessionCacheClient } from '../../src/clients/kv/session/session-cache-client.js';
import { sessionAt } from '../support/sessions.js';
import { startWorker } from '../support/worker.js';

describe('a Hono app with a container', () => {
  let url: URL;
  let miniflare: Miniflare;

  beforeAll(async () => {
    ({ url, miniflare } = await startWorker('hono-entries-worker.ts', {
      kvNamespaces: ['AUTH_SESSION_KV'],
      compatibilityFlags: ['nodejs_als'],
    }));
    const sessions = new SessionCacheClient(await miniflare.getKVNamespace('AUTH_SESSION_KV'));
    for (const id of ['ada', 'bo']) {
      await sessions.set(`token-${id}`, sessionAt(Date.now(), { token: `token-${id}`, userId: id }));
    }
  });

  afterAll(() => miniflare.dispose());

  const text = async (path: string): Promise<string> => (await fetch(new URL(path, url))).text();

  it.each(['/who', '/ambient'])('keeps 50 requests at once of two users apart: %s', async (path) => {
    const users = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? 'ada' : 'bo'));
    expect(await Promise.all(users.map((user) => text(`${path}?session=token-${user}`)))).toEqual(users);
  });

  it('disposes after the response and the work of waitUntil', async () => {
    expect(await text('/resource')).toBe('text');
    const lines: string[] = [];
    while (lines.length < 2) lines.push(...(JSON.parse(await text('/log')) as { log: string[] }).log);
    expect(lines).toEqual(['worked', 'disposed']);
  });

  it('has no scope where none was entered', async () => {
    expect(JSON.parse(await text('/log'))).toEqual({ log: [], hasScope: false });
  });
});
