import fc from 'fast-check';
import { mediaKeys, parseMediaKey, type MediaKeys } from '../../../src/clients/r2/media-keys.js';
import { isCloudflareClientError } from '../../../src/errors.js';

const keys = mediaKeys('creator-1');

const segment = (): fc.Arbitrary<string> =>
  fc
    .oneof(
      fc.uuid(),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
      fc.constantFrom(
        '..a',
        'a..',
        '...',
        '%2e%2e%2e',
        'a b',
        '+',
        '%',
        "!'()*",
        'hls',
        'originals',
        'é',
        '😀',
        '__proto__',
      ),
    )
    .map((text) => text.normalize())
    .filter((text) => !/[/\\]|[\p{Cc}\p{Surrogate}\ufffe\uffff]/u.test(text) && !/^(?:\.|%2e){1,2}$/i.test(text));

const bad = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom(
      '',
      '.',
      '..',
      '%2e',
      '%2E%2e',
      '.%2e',
      'a/b',
      '/',
      'a\\b',
      '\u0000',
      'a\nb',
      '\u007f',
      '\u0085',
      'a\ud800',
      '\uffff',
      // R2 keeps keys in NFC: these would be the objects of `é` and `K`.
      'e\u0301',
      '\u212a',
    ),
    fc.tuple(fc.string(), fc.constantFrom('/', '\\', '\u0001'), fc.string()).map((parts) => parts.join('')),
  );

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    return isCloudflareClientError(error) ? error.code : 'another error';
  }
  return undefined;
}

describe('mediaKeys', () => {
  it('builds the layout of the unified bucket', () => {
    expect([
      keys.prefix,
      keys.original('m1'),
      keys.original('m1', 'original.mov'),
      keys.originalPrefix('m1'),
      keys.hlsMaster('m1'),
      keys.hlsPlaylist('m1', '1080p'),
      keys.hlsFile('m1', '1080p/segment-0.m4s'),
      keys.hlsPrefix('m1'),
      keys.audio('m1'),
      keys.audioPrefix('m1'),
      keys.thumbnail('m1'),
      keys.thumbnail('m1', '0001.webp'),
      keys.thumbnailPrefix('m1'),
      keys.resource('r1', 'Workbook 1.pdf'),
      keys.resourcePrefix('r1'),
      keys.asset('brand/logo.svg'),
      keys.assetPrefix,
    ]).toEqual([
      'creator-1/',
      'creator-1/originals/m1/original.mp4',
      'creator-1/originals/m1/original.mov',
      'creator-1/originals/m1/',
      'creator-1/hls/m1/master.m3u8',
      'creator-1/hls/m1/1080p/playlist.m3u8',
      'creator-1/hls/m1/1080p/segment-0.m4s',
      'creator-1/hls/m1/',
      'creator-1/audio/m1/audio.mp3',
      'creator-1/audio/m1/',
      'creator-1/thumbnails/m1/thumbnail.jpg',
      'creator-1/thumbnails/m1/0001.webp',
      'creator-1/thumbnails/m1/',
      'creator-1/resources/r1/Workbook 1.pdf',
      'creator-1/resources/r1/',
      'creator-1/assets/brand/logo.svg',
      'creator-1/assets/',
    ]);
  });

  it('names all prefixes of a medium', () => {
    expect(keys.mediaPrefixes('m1')).toEqual([
      'creator-1/originals/m1/',
      'creator-1/hls/m1/',
      'creator-1/audio/m1/',
      'creator-1/thumbnails/m1/',
    ]);
  });

  it('refuses a creator id that is no segment', () => {
    fc.assert(fc.property(bad(), (creatorId) => expect(codeOf(() => mediaKeys(creatorId))).toBe('INVALID_KEY')));
  });

  it.each<[string, (text: string) => string]>([
    ['original', (text) => keys.original(text)],
    ['name of an original', (text) => keys.original('m1', text)],
    ['originalPrefix', (text) => keys.originalPrefix(text)],
    ['hlsMaster', (text) => keys.hlsMaster(text)],
    ['hlsPlaylist', (text) => keys.hlsPlaylist(text, '720p')],
    ['rendition', (text) => keys.hlsPlaylist('m1', text)],
    ['hlsPrefix', (text) => keys.hlsPrefix(text)],
    ['audio', (text) => keys.audio(text)],
    ['name of an audio', (text) => keys.audio('m1', text)],
    ['thumbnail', (text) => keys.thumbnail(text)],
    ['name of a thumbnail', (text) => keys.thumbnail('m1', text)],
    ['resource', (text) => keys.resource(text, 'a.pdf')],
    ['name of a resource', (text) => keys.resource('r1', text)],
    ['resourcePrefix', (text) => keys.resourcePrefix(text)],
    ['audioPrefix', (text) => keys.audioPrefix(text)],
    ['thumbnailPrefix', (text) => keys.thumbnailPrefix(text)],
  ])('refuses a segment that would escape: %s', (_name, build) => {
    fc.assert(fc.property(bad(), (text) => expect(codeOf(() => build(text))).toBe('INVALID_KEY')));
  });

  it.each<[string, (path: string) => string]>([
    ['hlsFile', (path) => keys.hlsFile('m1', path)],
    ['asset', (path) => keys.asset(path)],
  ])('refuses a path with a segment that would escape: %s', (_name, build) => {
    const path = fc.tuple(
      fc.array(segment(), { maxLength: 2 }),
      bad().filter((text) => !text.includes('/') || text === '/'),
    );
    fc.assert(
      fc.property(path, ([before, segmentOfIt]) => {
        expect(codeOf(() => build([...before, segmentOfIt, 'end'].join('/')))).toBe('INVALID_KEY');
      }),
    );
  });

  it('refuses what is no string, and says which', () => {
    expect(() => keys.original(undefined as never)).toThrow('mediaId undefined is not a string.');
    expect(() => keys.hlsFile('m1', 5 as never)).toThrow('path 5 is not a string.');
    expect(() => keys.hlsFile('m1', 'a/../b')).toThrow('path "a/../b" has a segment that is `.` or `..`');
  });

  it('refuses a key that is too long in all', () => {
    expect(keys.resource('r1', 'é'.repeat(500))).toHaveLength('creator-1/resources/r1/'.length + 500);
    expect(codeOf(() => keys.resource('r1', 'é'.repeat(501)))).toBe('INVALID_KEY');
    expect(() => keys.resource('r1', 'a'.repeat(1025))).toThrow('is longer than the 1024 bytes of a key');
  });
});

describe('parseMediaKey', () => {
  it('takes apart what mediaKeys builds', () => {
    const build: fc.Arbitrary<[(of: MediaKeys, id: string, name: string) => string, string]> = fc.constantFrom(
      [(of, id, name) => of.original(id, name), 'original'],
      [(of, id, name) => of.audio(id, name), 'audio'],
      [(of, id, name) => of.thumbnail(id, name), 'thumbnail'],
      [(of, id, name) => of.resource(id, name), 'resource'],
      [(of, id, name) => of.hlsFile(id, name), 'hls'],
      [(of, _id, name) => of.asset(name), 'asset'],
    );
    fc.assert(
      fc.property(segment(), segment(), segment(), build, (creatorId, mediaId, name, [make, kind]) => {
        const key = make(mediaKeys(creatorId), mediaId, name);
        const expected = { kind, creatorId, mediaId: kind === 'asset' ? null : mediaId, path: name };
        expect(parseMediaKey(key)).toMatchObject(expected);
        expect(mediaKeys(creatorId).parse(key)).toEqual(parseMediaKey(key));
        expect(mediaKeys(`${creatorId}2`).parse(key)).toBeNull();
      }),
    );
  });

  it('keeps the folders of HLS', () => {
    fc.assert(
      fc.property(fc.array(segment(), { minLength: 1, maxLength: 4 }), (path) => {
        expect(parseMediaKey(keys.hlsFile('m1', path.join('/')))?.path).toBe(path.join('/'));
      }),
    );
  });

  it('gives what it parsed the type of its extension', () => {
    const types = ['master.m3u8', '1080p/segment-0.m4s', '720p/0001.ts', 'subtitles/en.vtt', 'enc.key'].map(
      (path) => parseMediaKey(keys.hlsFile('m1', path))?.contentType,
    );
    expect(types).toEqual([
      'application/vnd.apple.mpegurl',
      'video/iso.segment',
      'video/mp2t',
      'text/vtt; charset=utf-8',
      'application/octet-stream',
    ]);
    expect(parseMediaKey(keys.audio('m1'))?.contentType).toBe('audio/mpeg');
  });

  it.each([
    '',
    'creator-1',
    'creator-1/hls/m1',
    'creator-1/hls/m1/',
    'creator-1/hls//master.m3u8',
    'creator-1/video/m1/a.mp4',
    'creator-1/originals/m1/more/original.mp4',
    'creator-1/hls/m1/../m2/master.m3u8',
    'creator-1/hls/m1/%2e%2e/master.m3u8',
    'creator-1/hls/m1/a\\b',
    '/creator-1/hls/m1/master.m3u8',
    'creator-1/constructor/m1/a',
    'creator-1/assets/',
  ])('answers null for %j, which is not of the layout', (key) => {
    expect(parseMediaKey(key)).toBeNull();
    expect(keys.parse(key)).toBeNull();
  });

  it('answers with the parts as R2 keeps them, where a key was written in another normal form', () => {
    const written = 'creator-1/resources/r1/Re\u0301sume\u0301.pdf';
    expect(parseMediaKey(written)?.path).toBe('Résumé.pdf');
    expect(keys.parse(written)?.path).toBe('Résumé.pdf');
    expect(mediaKeys('K1').parse('\u212a1/assets/a.png')?.creatorId).toBe('K1');
  });

  it('never throws, and whatever it parses is built again to the same key', () => {
    const some = fc.constantFrom('hls', 'originals', 'assets', 'audio', 'resources', 'thumbnails');
    const key = fc.oneof(
      fc.string(),
      fc.tuple(segment(), some, segment(), segment()).map((parts) => parts.join('/')),
    );
    fc.assert(
      fc.property(key, (text) => {
        const parsed = parseMediaKey(text);
        if (parsed === null) return;
        const { kind, creatorId, mediaId, path } = parsed;
        const of = mediaKeys(creatorId);
        const id = mediaId ?? '';
        const built = {
          original: () => of.original(id, path),
          hls: () => of.hlsFile(id, path),
          audio: () => of.audio(id, path),
          thumbnail: () => of.thumbnail(id, path),
          resource: () => of.resource(id, path),
          asset: () => of.asset(path),
        }[kind]();
        expect(built).toBe(text.normalize());
      }),
    );
    expect(parseMediaKey(undefined as never)).toBeNull();
  });
});
