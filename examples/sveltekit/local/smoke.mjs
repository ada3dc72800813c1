/**
 * Asks the app what a visitor would: the landing page, a login, the lists, a film to its first segment, the owner's charts.
 *
 * @param url of the app.
 * @param people of `addDemoData`.
 * @returns `{ what, ok, detail }[]`
 */
export async function smoke(url, people) {
  const results = [];
  const check = async (what, work) => {
    try {
      results.push({ what, ok: true, detail: await work() });
    } catch (error) {
      results.push({ what, ok: false, detail: error.message });
    }
  };
  const [owner, creator] = people;
  const visitor = new Visitor(url);
  await check('the landing page is a file', async () => titleOf(await visitor.get('/')));
  await check('a creator logs in', () => visitor.login(creator));
  await check('the library shows lists from the cache', async () => {
    await visitor.get('/api/content');
    const response = await visitor.get('/api/content');
    const { items } = await response.json();
    return `${items.length} published, ${response.headers.get('x-cache')}`;
  });
  await check('a film plays as private HLS', () => playFirst(visitor));
  await check('its address is refused to others', async () => {
    const stranger = await fetch(url + visitor.lastPath, { redirect: 'manual' });
    if (stranger.status !== 403) throw new Error(`answered ${stranger.status}`);
    return '403';
  });
  await check('the owner sees the charts', async () => {
    const seen = new Visitor(url);
    await seen.login(owner);
    return titleOf(await seen.get('/admin'));
  });
  return results;
}

async function playFirst(visitor) {
  const { items } = await (await visitor.get('/api/content')).json();
  const film = items.find(({ status }) => status === 'ready');
  const playback = await (await visitor.post(`/api/media/${film.id}/play`)).json();
  const master = await (await visitor.get(playback.url)).text();
  const variant = new URL(uriOf(master), visitor.url + playback.url).pathname;
  const playlist = await (await visitor.get(variant)).text();
  const segment = await visitor.get(new URL(uriOf(playlist), visitor.url + variant).pathname);
  visitor.lastPath = variant;
  return `${(await segment.arrayBuffer()).byteLength} bytes of “${film.title}”`;
}

function uriOf(playlist) {
  return playlist.split('\n').find((line) => line !== '' && !line.startsWith('#'));
}

async function titleOf(response) {
  const html = await response.text();
  return /<title>([^<]*)<\/title>/.exec(html)?.[1] ?? /<h1[^>]*>([^<]*)/.exec(html)?.[1] ?? 'a page';
}

class Visitor {
  #cookie = '';

  constructor(url) {
    this.url = url;
  }

  async login({ email, password }) {
    const response = await this.post('/api/auth/login', { email, password });
    this.#cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    return (await response.json()).name;
  }

  get(path) {
    return this.#ask(path, {});
  }

  post(path, body) {
    // Nothing where nothing is read: workerd closes the connection of a body that is left.
    if (body === undefined) return this.#ask(path, { method: 'POST' });
    const headers = { 'content-type': 'application/json' };
    return this.#ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  async #ask(path, { headers, ...init }) {
    const response = await fetch(this.url + path, {
      ...init,
      headers: { ...headers, cookie: this.#cookie },
      redirect: 'manual',
    });
    if (!response.ok) throw new Error(`${path.split('?')[0]} answered ${response.status}: ${await response.text()}`);
    return response;
  }
}
