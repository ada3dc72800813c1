import { checkHls, type HlsReport } from '../../src/cli/hls/check-hls.js';
import type { Finding } from '../../src/cli/hls/finding.js';
import type { HlsStore } from '../../src/cli/hls/hls-store.js';
import { soundMedia, type FixtureObject } from './hls-fixture.js';

const PREFIX = 'creator1/hls/m1/';
const MASTER = `${PREFIX}master.m3u8`;

/** A bucket in memory that counts what is asked of it. */
class MemoryHlsStore implements HlsStore {
  readonly asked: string[] = [];
  running = 0;
  mostRunning = 0;

  constructor(readonly objects: Map<string, FixtureObject>) {}

  async read(key: string, maxBytes: number) {
    const object = await this.#ask(`read ${key}`, key);
    if (object === null) return null;
    const text = typeof object.body === 'string' ? object.body : new TextDecoder().decode(object.body);
    return { ...this.#info(object), text: text.length > maxBytes ? null : text };
  }

  async head(key: string) {
    const object = await this.#ask(`head ${key}`, key);
    return object === null ? null : this.#info(object);
  }

  async #ask(what: string, key: string): Promise<FixtureObject | null> {
    this.asked.push(what);
    this.running += 1;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    await Promise.resolve();
    this.running -= 1;
    return this.objects.get(key) ?? null;
  }

  #info({ body, contentType = 'application/octet-stream' }: FixtureObject) {
    return { size: body.length, contentType };
  }
}

type Changes = (objects: Map<string, FixtureObject>) => void;

async function check(change: Changes = () => undefined, key = MASTER): Promise<HlsReport & { store: MemoryHlsStore }> {
  const objects = soundMedia(PREFIX);
  change(objects);
  const store = new MemoryHlsStore(objects);
  const report = await checkHls(store, {
    key,
    prefix: PREFIX,
    concurrency: 4,
    maxSegmentBytes: 1_000_000,
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  return { ...report, store };
}

/** Changes the text of a playlist. */
function edit(name: string, from: string | RegExp, to: string): Changes {
  return (objects) => {
    const object = objects.get(PREFIX + name)!;
    const body = String(object.body).replace(from, to);
    if (body === object.body) throw new Error(`nothing to replace in ${name}`);
    objects.set(PREFIX + name, { ...object, body });
  };
}

const brief = ({ findings }: HlsReport): string[] =>
  findings.map(({ code, key, playlist, line }) => {
    const short = (name: string | null): string => name?.replace(PREFIX, '') ?? '-';
    return `${code} ${short(key)} < ${short(playlist)}:${line ?? '-'}`;
  });

describe('checkHls', () => {
  it('finds nothing in a sound film, and looks at each object once', async () => {
    const report = await check();
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ playlists: 4, objects: 13, unchecked: 0, found: true });
    expect(new Set(report.store.asked).size).toBe(report.store.asked.length);
    expect(report.bytes).toBeGreaterThan(3 * (400_000 + 180_000 + 60_000));
  });

  it('asks for no more at a time than it was told', async () => {
    const { store } = await check();
    expect(store.mostRunning).toBe(4);
  });

  it('takes a media playlist as the beginning', async () => {
    const report = await check(undefined, `${PREFIX}720p/index.m3u8`);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ playlists: 1, objects: 5 });
  });

  it('says when the first playlist is not there', async () => {
    expect(await check((objects) => objects.delete(MASTER))).toMatchObject({ found: false, playlists: 0 });
  });

  it.each<[what: string, change: Changes, findings: string[]]>([
    [
      'a missing segment',
      (all) => all.delete(`${PREFIX}720p/seg-1.m4s`),
      ['missing 720p/seg-1.m4s < 720p/index.m3u8:10'],
    ],
    ['a missing variant', (all) => all.delete(`${PREFIX}360p/index.m3u8`), ['missing 360p/index.m3u8 < master.m3u8:7']],
    [
      'a missing audio rendition',
      (all) => all.delete(`${PREFIX}audio/index.m3u8`),
      ['missing audio/index.m3u8 < master.m3u8:3'],
    ],
    ['a missing map', (all) => all.delete(`${PREFIX}360p/init.mp4`), ['missing 360p/init.mp4 < 360p/index.m3u8:6']],
    [
      'a missing key, once',
      (all) => all.delete(`${PREFIX}key.bin`),
      [expect.stringMatching(/^missing key\.bin < .*index\.m3u8:5$/) as never],
    ],
    [
      'an empty segment',
      (all) => all.set(`${PREFIX}720p/seg-0.m4s`, { body: '', contentType: 'video/mp4' }),
      ['empty-object 720p/seg-0.m4s < 720p/index.m3u8:8'],
    ],
    [
      'a page where a playlist should be',
      (all) => all.set(`${PREFIX}720p/index.m3u8`, { body: '<html>', contentType: 'application/vnd.apple.mpegurl' }),
      ['not-a-playlist 720p/index.m3u8 < master.m3u8:5'],
    ],
    [
      'an empty playlist',
      (all) => all.set(`${PREFIX}720p/index.m3u8`, { body: '', contentType: 'application/x-mpegURL' }),
      ['not-a-playlist 720p/index.m3u8 < master.m3u8:5'],
    ],
    [
      'a playlist served as text',
      (all) => all.set(MASTER, { ...all.get(MASTER)!, contentType: 'text/plain' }),
      ['content-type master.m3u8 < -:-'],
    ],
    [
      'a segment served as bytes',
      (all) => all.set(`${PREFIX}720p/seg-2.m4s`, { body: new Uint8Array(9) }),
      ['content-type 720p/seg-2.m4s < 720p/index.m3u8:12'],
    ],
    [
      'a key with an end of line',
      (all) => all.set(`${PREFIX}key.bin`, { body: new Uint8Array(17) }),
      [
        'key-size key.bin < 360p/index.m3u8:5',
        'key-size key.bin < 720p/index.m3u8:5',
        'key-size key.bin < audio/index.m3u8:5',
      ],
    ],
    [
      'a URI out of the prefix',
      edit('720p/index.m3u8', 'seg-1.m4s', '../../m2/seg-1.m4s'),
      ['outside-prefix creator1/hls/m2/seg-1.m4s < 720p/index.m3u8:10'],
    ],
    [
      'a URI out of the bucket',
      edit('720p/index.m3u8', 'seg-1.m4s', '../../../../../seg-1.m4s'),
      [expect.stringMatching(/^outside-prefix/) as never],
    ],
    [
      'an encoded way out',
      edit('720p/index.m3u8', 'seg-1.m4s', '%2e%2e/%2E%2E/m2/seg-1.m4s'),
      ['outside-prefix creator1/hls/m2/seg-1.m4s < 720p/index.m3u8:10'],
    ],
    [
      'a segment of another host',
      edit('720p/index.m3u8', 'seg-1.m4s', 'https://cdn.example/seg-1.m4s'),
      ['foreign-uri https://cdn.example/seg-1.m4s < 720p/index.m3u8:10'],
    ],
    [
      'a broken percent code',
      edit('720p/index.m3u8', 'seg-1.m4s', 'seg-%zz.m4s'),
      ['invalid-uri seg-%zz.m4s < 720p/index.m3u8:10'],
    ],
    [
      'a segment above the target duration',
      edit('720p/index.m3u8', '#EXTINF:4.0,\nseg-1', '#EXTINF:4.6,\nseg-1'),
      ['segment-too-long 720p/index.m3u8 < 720p/index.m3u8:10'],
    ],
    [
      'no target duration',
      edit('720p/index.m3u8', '#EXT-X-TARGETDURATION:4\n', ''),
      ['no-target-duration 720p/index.m3u8 < master.m3u8:-'],
    ],
    ['no end', edit('720p/index.m3u8', '#EXT-X-ENDLIST\n', ''), ['no-endlist 720p/index.m3u8 < master.m3u8:-']],
    [
      'no map',
      edit('720p/index.m3u8', '#EXT-X-MAP:URI="init.mp4"\n', ''),
      ['no-map 720p/index.m3u8 < 720p/index.m3u8:7'],
    ],
    [
      'no URI of the key',
      edit('720p/index.m3u8', ',URI="../key.bin"', ''),
      ['no-key-uri 720p/index.m3u8 < 720p/index.m3u8:5'],
    ],
    ['no bandwidth', edit('master.m3u8', 'BANDWIDTH=900000,', ''), ['no-bandwidth master.m3u8 < master.m3u8:5']],
    [
      'a bandwidth that the segments exceed',
      edit('master.m3u8', 'BANDWIDTH=900000', 'BANDWIDTH=500000'),
      ['bandwidth-too-low 720p/index.m3u8 < master.m3u8:5'],
    ],
    [
      'a group that nobody defines',
      edit('master.m3u8', /RESOLUTION=1280x720,AUDIO="aud"/, 'AUDIO="eng"'),
      ['unknown-group master.m3u8 < master.m3u8:5'],
    ],
    [
      'a variant that is shorter',
      edit('360p/index.m3u8', /#EXTINF:4.0,\nseg-1.m4s\n#EXTINF:3.5,\nseg-2.m4s\n/, ''),
      ['duration-mismatch 360p/index.m3u8 < master.m3u8:7'],
    ],
    [
      'a master in place of a variant',
      (all) =>
        all.set(`${PREFIX}720p/index.m3u8`, {
          body: '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000\n../360p/index.m3u8\n',
          contentType: 'application/vnd.apple.mpegurl',
        }),
      ['wrong-kind 720p/index.m3u8 < master.m3u8:5'],
    ],
    [
      'a range beyond the end',
      edit('720p/index.m3u8', '#EXTINF:4.0,\nseg-0.m4s', '#EXTINF:4.0,\n#EXT-X-BYTERANGE:400000@1\nseg-0.m4s'),
      ['range-beyond-end 720p/seg-0.m4s < 720p/index.m3u8:9'],
    ],
    [
      'an oversized segment',
      (all) => all.set(`${PREFIX}audio/seg-0.m4s`, { body: new Uint8Array(1_000_001), contentType: 'audio/mp4' }),
      ['oversized audio/seg-0.m4s < audio/index.m3u8:8'],
    ],
  ])('finds %s', async (_what, change, findings) => {
    expect(brief(await check(change))).toEqual(findings);
  });

  it('goes round no loop of playlists for ever', async () => {
    const report = await check(
      edit('720p/index.m3u8', /[\s\S]*/, '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\n../master.m3u8\n'),
    );
    expect(report.playlists).toBe(4);
    expect(brief(report)).toEqual(['wrong-kind 720p/index.m3u8 < master.m3u8:5']);
  });

  it('leaves alone what is no object of the bucket, and counts it', async () => {
    const report = await check(edit('720p/index.m3u8', '../key.bin', 'https://app.example/keys/1'));
    expect(report.findings).toEqual([]);
    expect(report.unchecked).toBe(1);
    const data = await check(edit('720p/index.m3u8', '../key.bin', 'skd://key'));
    expect(data.unchecked).toBe(1);
  });

  it('does not ask for a segment that is marked as a gap', async () => {
    const report = await check((objects) => {
      edit('720p/index.m3u8', '#EXTINF:4.0,\nseg-1', '#EXTINF:4.0,\n#EXT-X-GAP\nseg-1')(objects);
      objects.delete(`${PREFIX}720p/seg-1.m4s`);
    });
    expect(report.findings).toEqual([]);
  });

  it('reads a key that the URI has percent-encoded, with a query', async () => {
    const report = await check((objects) => {
      edit('720p/index.m3u8', 'seg-1.m4s', 'seg%20%C3%BC%2B1.m4s?v=2#t')(objects);
      objects.set(`${PREFIX}720p/seg ü+1.m4s`, objects.get(`${PREFIX}720p/seg-1.m4s`)!);
    });
    expect(report.findings).toEqual([]);
  });

  it('stops at the signal and leaves no request behind', async () => {
    const store = new MemoryHlsStore(soundMedia(PREFIX));
    const controller = new AbortController();
    const options = { key: MASTER, prefix: PREFIX, concurrency: 2, maxSegmentBytes: 1, signal: controller.signal };
    const checking = checkHls(store, {
      ...options,
      onProgress: ({ total }) => {
        if (total !== null) controller.abort(new Error('enough'));
      },
    });
    await expect(checking).rejects.toThrow('enough');
    const { running, asked } = store;
    expect([running, asked.filter((what) => what.startsWith('head')).length]).toEqual([0, 2]);
  });

  it('gives every finding a severity and a sentence', async () => {
    const { findings } = await check((all) => all.delete(`${PREFIX}720p/seg-1.m4s`));
    expect(findings).toEqual<Finding[]>([
      {
        code: 'missing',
        severity: 'error',
        key: `${PREFIX}720p/seg-1.m4s`,
        playlist: `${PREFIX}720p/index.m3u8`,
        line: 10,
        message: 'segment does not exist',
      },
    ]);
  });
});
