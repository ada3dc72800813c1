import { describeApp, startAppServer } from './support/app-server.js';
import type { AppServer, Item, Person } from './support/app-server.js';
import { jsonOf, Visitor } from './support/visitor.js';

interface List {
  readonly items: readonly { readonly id: string; readonly title: string; readonly creatorId: string }[];
  readonly cache: { readonly status: string; readonly ageMs: number };
}

describeApp('the SvelteKit app: media', () => {
  let app: AppServer;
  let ada: Visitor;
  let bruno: Visitor;
  let owner: Person;

  beforeAll(async () => {
    app = await startAppServer();
    owner = app.people[0];
    ada = await new Visitor(app.url).login(app.people[1]);
    bruno = await new Visitor(app.url).login(app.people[2]);
  }, 120_000);

  afterAll(() => app.stop(), 30_000);

  const itemOf = (is: (item: Item) => boolean): Item => app.items.find(is)!;
  const listOf = (visitor: Visitor, path: string): Promise<List> => jsonOf<List>(visitor.get(path));
  const draft = async (visitor: Visitor, title: string): Promise<string> =>
    (await jsonOf<{ id: string }>(visitor.json('/api/media', { title }))).id;

  test('lists of two creators are cached under keys of their own, and neither sees the other’s', async () => {
    for (const visitor of [ada, bruno]) await listOf(visitor, '/api/media');
    const [ofAda, ofBruno] = [await listOf(ada, '/api/media'), await listOf(bruno, '/api/media')];
    expect([ofAda.cache.status, ofBruno.cache.status]).toEqual(['hit', 'hit']);
    expect(new Set(ofAda.items.map(({ creatorId }) => creatorId))).toEqual(new Set([app.people[1].id]));
    expect(new Set(ofBruno.items.map(({ creatorId }) => creatorId))).toEqual(new Set([app.people[2].id]));
    const keys = await app.keys('CACHE_KV', 'cache:app-media-own:');
    for (const { id } of app.people.slice(1)) expect(keys.filter((key) => key.includes(id))).toHaveLength(1);
  });

  test('publishing drops the cached lists at once, and taking back does, too', async () => {
    const id = itemOf(({ status, isPublished }) => status === 'ready' && !isPublished).id;
    const titles = async (): Promise<string[]> => (await listOf(ada, '/api/content')).items.map((item) => item.id);
    await titles();
    expect((await listOf(ada, '/api/content')).cache.status).toBe('hit');
    expect((await bruno.post(`/api/media/${id}/publish`)).status).toBe(200);
    expect(await titles()).toContain(id);
    await bruno.post(`/api/media/${id}/unpublish`);
    const after = await listOf(ada, '/api/content');
    expect(after.cache.status).toBe('miss');
    expect(after.items.map((item) => item.id)).not.toContain(id);
  });

  test('a creator renames what is theirs, and finds nothing of another’s', async () => {
    const id = await draft(ada, 'Working title');
    expect(await jsonOf(ada.json(`/api/media/${id}`, { title: ' The title ' }, 'PATCH'))).toMatchObject({
      title: 'The title',
    });
    for (const answer of [
      await bruno.json(`/api/media/${id}`, { title: 'Mine now' }, 'PATCH'),
      await bruno.get(`/api/media/${id}`),
      await bruno.post(`/api/media/${id}/publish`),
      await bruno.post(`/api/media/${id}`, 'DELETE'),
      await bruno.get(`/watch/${id}`),
    ]) {
      expect(answer.status).toBe(404);
    }
    expect((await ada.post(`/api/media/${id}/publish`)).status).toBe(409);
  });

  test('a title is one line of what can be seen, and never a part of the page', async () => {
    const script = '</script><script>alert(1)</script>';
    const title = await jsonOf<{ title: string }>(ada.json('/api/media', { title: ` ${script}\u202e\n` }));
    expect(title.title).toBe(script);
    expect(await (await ada.get('/library')).text()).not.toContain('<script>alert(1)');
    for (const nothing of ['\u0000', '\u200b', ' \u202e ']) {
      expect((await ada.json('/api/media', { title: nothing })).status).toBe(400);
    }
  });

  test('uploads are signed below the caller’s own item, of films alone, and for nobody else', async () => {
    const id = await draft(ada, 'To be uploaded');
    const sign = (visitor: Visitor, body: object): Promise<Response> =>
      visitor.json(`/api/media/${id}/uploads/s3/sign`, body);
    const put = { method: 'PUT', key: 'film.mp4', contentType: 'video/mp4', filename: 'film.mp4', size: 5 };
    const signed = await jsonOf<{ url: string; key: string }>(sign(ada, put));
    expect(signed.key).toMatch(new RegExp(`^${app.people[1].id}/originals/${id}/[0-9a-f-]+-film\\.mp4$`));
    expect(signed.url.startsWith(app.endpoint)).toBe(true);

    expect((await sign(bruno, put)).status).toBe(404);
    expect((await sign(new Visitor(app.url), put)).status).toBe(401);
    const foreignKey = `${app.people[2].id}/originals/x/film.mp4`;
    expect((await sign(ada, { method: 'PUT', key: foreignKey, uploadId: 'u', partNumber: 1 })).status).toBe(403);
    expect((await sign(ada, { method: 'DELETE', key: signed.key })).status).toBe(403);
    expect((await sign(ada, { ...put, contentType: 'text/html', filename: 'page.html' })).status).toBe(415);
    expect((await sign(ada, { ...put, size: 5 * 1024 ** 3 + 1 })).status).toBe(413);
  });

  test('what was uploaded is noted once it is in the bucket, and transcoded by the media Worker', async () => {
    const id = await draft(bruno, 'A small one');
    const body = 'no film';
    const request = {
      method: 'PUT',
      contentType: 'video/mp4',
      filename: 'small.mp4',
      key: 'small.mp4',
      size: body.length,
    };
    const signed = await jsonOf<{ url: string; key: string; headers: Record<string, string> }>(
      bruno.json(`/api/media/${id}/uploads/s3/sign`, request),
    );
    const done = { key: signed.key };
    expect((await bruno.json(`/api/media/${id}/uploaded`, done)).status).toBe(404);
    const foreign = { key: `${app.people[1].id}/originals/${id}/film.mp4` };
    expect((await bruno.json(`/api/media/${id}/uploaded`, foreign)).status).toBe(403);
    expect((await fetch(signed.url, { method: 'PUT', headers: signed.headers, body })).status).toBe(200);
    const card = await jsonOf<{ status: string; bytes: number }>(bruno.json(`/api/media/${id}/uploaded`, done));
    expect(card.bytes).toBe(body.length);
    expect(card.status).not.toBe('draft');
    // Another original does not take its place.
    expect((await bruno.json(`/api/media/${id}/uploads/s3/sign`, request)).status).toBe(409);
  });

  test('private HLS plays to the last segment for the browser that asked, and for no other', async () => {
    const film = itemOf(({ status, creatorId }) => status === 'ready' && creatorId === app.people[1].id);
    const playback = await jsonOf<{ kind: string; url: string; views: number }>(
      bruno.post(`/api/media/${film.id}/play`),
    );
    expect(playback).toMatchObject({ kind: 'hls', views: 1 });
    expect(await jsonOf(bruno.post(`/api/media/${film.id}/play?again`))).toMatchObject({ kind: 'hls', views: 1 });
    const master = await bruno.get(playback.url);
    expect(master.headers.get('content-type')).toContain('mpegurl');
    const variants = linesOf(await master.text()).map((uri) => new URL(uri, app.url + playback.url).pathname);
    expect(variants.length).toBeGreaterThan(1);
    const playlist = await (await bruno.get(variants[0]!)).text();
    for (const uri of linesOf(playlist)) {
      const segment = await bruno.get(new URL(uri, app.url + variants[0]!).pathname);
      expect([segment.status, segment.headers.get('cache-control')?.includes('private')]).toEqual([200, true]);
      await segment.arrayBuffer();
    }
    // Somebody else who was given the address, signed in or not; and another item with this token.
    expect((await ada.get(playback.url)).status).toBe(403);
    expect((await new Visitor(app.url).get(playback.url)).status).toBe(403);
    const other = itemOf(({ id, status }) => status === 'ready' && id !== film.id);
    const moved = playback.url.replace(film.creatorId, other.creatorId).replace(film.id, other.id);
    expect((await bruno.get(moved)).status).toBe(403);
  });

  test('50 plays at once are 50 views', async () => {
    const film = itemOf(({ title }) => title.includes('bread'));
    await Promise.all(Array.from({ length: 50 }, () => bruno.post(`/api/media/${film.id}/play`)));
    expect(await jsonOf(ada.post(`/api/media/${film.id}/play`))).toMatchObject({ views: 51 });
  });

  test('without HLS the original is played, by ranges', async () => {
    const film = itemOf(({ status }) => status === 'uploaded');
    // Where there is ffmpeg it has been transcoded meanwhile.
    await app.sql("UPDATE media SET status = 'failed' WHERE id = ?", film.id);
    const playback = await jsonOf<{ kind: string; url: string; contentType: string }>(
      ada.post(`/api/media/${film.id}/play`),
    );
    expect(playback).toMatchObject({ kind: 'original', contentType: 'video/mp4' });
    const part = await ada.get(playback.url, { range: 'bytes=4-7' });
    expect([part.status, await part.text()]).toEqual([206, 'ftyp']);
    expect(part.headers.get('content-security-policy')).toBe('sandbox');
    expect((await new Visitor(app.url).get(playback.url)).status).toBe(401);
  });

  test('deleting takes the row and every file of the item, and nothing else', async () => {
    const film = itemOf(({ title }) => title.includes('valley'));
    const prefix = `${film.creatorId}/`;
    const before = await app.objects(prefix);
    const own = before.filter((key) => key.includes(film.id));
    expect(own.length).toBeGreaterThan(5);
    expect(await jsonOf(ada.post(`/api/media/${film.id}`, 'DELETE'))).toEqual({ deleted: own.length });
    expect(await app.objects(prefix)).toEqual(before.filter((key) => !own.includes(key)));
    expect((await ada.get(`/api/media/${film.id}`)).status).toBe(404);
    expect((await listOf(bruno, '/api/content')).items.map(({ id }) => id)).not.toContain(film.id);
  });

  test('the figures show what the clients did, and what each creator stores', async () => {
    const boss = await new Visitor(app.url).login(owner);
    await listOf(boss, '/api/content');
    const page = await boss.get('/admin');
    expect(page.status).toBe(200);
    const html = await page.text();
    expect(html).toContain('Ada Fields');
    expect(html).toContain('Bruno Vale');
    const counted = await app.sql('SELECT DISTINCT type FROM event_minutes ORDER BY type');
    expect(counted.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['cache.hit', 'cache.load', 'cache.miss', 'rate-limit.allowed', 'session.hit']),
    );
  });

  test('the files of the build that are not for browsers are not served', async () => {
    expect((await new Visitor(app.url).get('/_worker.js')).status).toBe(404);
  });
});

function linesOf(playlist: string): string[] {
  return playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}
