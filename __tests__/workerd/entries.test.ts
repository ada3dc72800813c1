import { connect } from 'node:net';
import type { Miniflare } from 'miniflare';
import { SessionCacheClient } from '../../src/clients/kv/session/session-cache-client.js';
import { sessionAt } from '../support/sessions.js';
import { startWorker } from '../support/worker.js';

let url: URL;
let miniflare: Miniflare;

beforeAll(async () => {
  ({ url, miniflare } = await startWorker('entries-worker.ts', {
    kvNamespaces: ['CACHE_KV', 'AUTH_SESSION_KV', 'RATE_LIMIT_KV'],
    durableObjects: { DRAFTS: { className: 'Draft', useSQLite: true } },
    bindings: { NAME: 'codex' },
  }));
  const sessions = new SessionCacheClient(await miniflare.getKVNamespace('AUTH_SESSION_KV'));
  for (const id of ['ada', 'bo']) {
    await sessions.set(`token-${id}`, sessionAt(Date.now(), { token: `token-${id}`, userId: id }));
  }
});

afterAll(() => miniflare.dispose());

// What stands before the Worker here compresses for whoever takes it.
const json = async <Result>(path: string): Promise<Result> => (await get(path)).json<Result>();
const get = (path: string, init?: RequestInit): Promise<Response> =>
  fetch(new URL(path, url), { headers: { 'Accept-Encoding': 'identity' }, ...init });
const text = async (path: string): Promise<string> => (await get(path)).text();

/** What was logged since it was last asked, once it has `count` lines. */
async function logged(count: number): Promise<string[]> {
  const lines: string[] = [];
  while (lines.length < count) lines.push(...(await json<string[]>('/log')));
  return lines;
}

describe('a Worker of defineWorker', () => {
  it.each(['/who', '/rpc/who'])('keeps 50 requests at once of two users apart: %s', async (path) => {
    const users = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? 'ada' : 'bo'));
    const answers = await Promise.all(users.map((user) => text(`${path}?name=token-${user}`)));
    expect(answers).toEqual(users.map((user) => `${user} of codex`));
  });

  it('answers a call that a limit refused with 429, and other errors as onError says', async () => {
    expect(await text('/limited')).toBe('once');
    const refused = await get('/limited');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('Retry-After')).toMatch(/^\d+$/);
    expect((await get('/teapot')).status).toBe(418);
    expect((await get('/broken')).status).toBe(500);
  });

  it.each([
    ['/text?name=a', 'a', '1'],
    ['/sized?name=a', 'four', '4'],
    ['/empty?name=a', '', '0'],
    ['/odd-length?name=a', 'odd', '3'],
    ['/piped?name=a', 'piped', null],
    ['/zipped?name=a', 'zip '.repeat(100), null],
  ])('disposes of the scope and leaves the response as it was: %s', async (path, body, length) => {
    const response = await get(path);
    expect([response.headers.get('Content-Length'), await response.text()]).toEqual([length, body]);
    expect(await logged(1)).toEqual(['disposed a']);
  });

  it('sends a body whole whose header says another length, as the runtime does', async () => {
    expect(await text('/missized?name=a')).toHaveLength(2_000);
    expect(await logged(3)).toEqual(['chunk', 'chunk', 'disposed a']);
  });

  it('sends a large body byte for byte', async () => {
    const bytes = new Uint8Array(await (await get('/large?name=a')).arrayBuffer());
    expect(bytes).toHaveLength(1_000_003);
    expect(bytes.every((byte, index) => byte === index % 251)).toBe(true);
    expect(await logged(1)).toEqual(['disposed a']);
  });

  it('disposes of the scope of a response without a body, and of an answer to HEAD', async () => {
    expect((await get('/nothing?name=a')).status).toBe(204);
    expect(await logged(1)).toEqual(['disposed a']);
    expect((await get('/sized?name=b', { method: 'HEAD' })).headers.get('Content-Length')).toBe('4');
    expect(await logged(1)).toEqual(['disposed b']);
  });

  it('disposes after the last chunk of a body', async () => {
    expect(await text('/stream?chunks=5&name=a')).toHaveLength(5_000);
    expect(await logged(6)).toEqual(['chunk', 'chunk', 'chunk', 'chunk', 'chunk', 'disposed a']);
  });

  it('disposes after the client has gone in the middle of a body', async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(Number(url.port), '127.0.0.1', () => {
        socket.write('GET /stream?chunks=100000&name=gone HTTP/1.1\r\nHost: app\r\n\r\n');
      });
      socket.once('data', () => socket.destroy()).once('close', () => resolve());
    });
    const lines: string[] = [];
    while (lines.at(-1) !== 'disposed gone') lines.push(...(await logged(1)));
    expect(lines.at(-2)).toBe('cancelled');
  });

  it('disposes after the work of waitUntil', async () => {
    expect(await text('/waiting?name=a')).toBe('a');
    expect(await logged(2)).toEqual(['worked a', 'disposed a']);
  });

  it('changes no answer when something fails to dispose', async () => {
    expect(await text('/text?name=stubborn')).toBe('stubborn');
    expect(await logged(1)).toEqual(['disposed stubborn']);
  });

  it('leaves the scope of a socket open', async () => {
    const { webSocket } = await miniflare.dispatchFetch('http://app/socket?name=a', {
      headers: { Upgrade: 'websocket' },
    });
    const answer = new Promise((resolve) => webSocket!.addEventListener('message', ({ data }) => resolve(data)));
    webSocket!.accept();
    webSocket!.send('there?');
    expect(await answer).toBe('still a a');
    webSocket!.close();
    expect(await (await get('/log')).json()).toEqual([]);
  });

  it('disposes of the scope of a batch when it is done, and when it failed with its own error', async () => {
    const worker = await miniflare.getWorker();
    const message = { id: '1', timestamp: new Date(0), body: 'job', attempts: 1 };
    expect(await worker.queue('jobs', [message])).toMatchObject({ outcome: 'ok', ackAll: true });
    expect(await worker.queue('failing', [message])).toMatchObject({ outcome: 'exception' });
    expect(await logged(4)).toEqual([
      'queue background codex job',
      'disposed background',
      'queue background codex job',
      'disposed background',
    ]);
  });

  it('disposes of the scope of a scheduled run', async () => {
    const worker = await miniflare.getWorker();
    expect(await worker.scheduled({ cron: '0 3 * * *' })).toMatchObject({ outcome: 'ok' });
    expect(await logged(2)).toEqual(['scheduled background 0 3 * * *', 'disposed background']);
  });
});

describe('an entrypoint of scopedEntrypoint', () => {
  it('does not let a caller reach its container, nor an object its scopes', async () => {
    const found = await json<Record<string, string>>('/rpc/probe');
    expect(Object.keys(found)).toHaveLength(6);
    for (const [probe, answer] of Object.entries(found)) {
      const name = probe.startsWith('object') ? 'inScope' : 'container';
      expect(answer).toBe(`The RPC receiver does not implement the method "${name}".`);
    }
  });

  it('has one container in each call, disposed when it is done', async () => {
    const calls = await json<{ identity: { id: number } }>('/rpc/calls');
    expect(calls).toEqual({
      identity: { same: true, id: expect.any(Number) as number },
      sync: calls.identity.id + 1,
      title: 'title rpc',
      failing: 'the method failed',
      stream: 'stream rpc',
      relayed: 2,
      fetch: 'fetched rpc http://media/',
    });
    expect(await logged(7)).toEqual(Array.from({ length: 7 }, () => 'disposed rpc'));
  });

  it('leaves the container open to an RpcTarget that a method returned', async () => {
    expect(await text('/rpc/album')).toBe('rpc');
    expect(await (await get('/log')).json()).toEqual([]);
  });
});

describe('an object of scopedObject', () => {
  it('has a container for each of 50 calls at once, disposed when it is done', async () => {
    const ids = await json<number[]>('/object');
    expect(new Set(ids).size).toBe(50);
    expect(await logged(50)).toHaveLength(50);
  });
});
