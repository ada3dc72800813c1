import fc from 'fast-check';
import { rewritePlaylist } from '../../../../src/clients/r2/hls/rewrite-playlist.js';
import { isCloudflareClientError } from '../../../../src/errors.js';
import { loadHlsJsParser } from './hls-js-parser.js';
import { PLAYLISTS, type PlaylistFixture } from './playlists.js';

const same = (uri: string): string => uri;
const BASE = 'https://media.example/c/hls/m/here.m3u8';

function urisOf(text: string, variables?: Record<string, string>): [string, string][] {
  const uris: [string, string][] = [];
  rewritePlaylist(
    text,
    (uri, tag) => {
      uris.push([uri, tag]);
      return uri;
    },
    { variables },
  );
  return uris;
}

function codeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return isCloudflareClientError(error) ? error.code : error;
  }
}

/** Every URI that hls.js finds in a playlist, resolved. */
function urisOfHlsJs({ kind, text }: Pick<PlaylistFixture, 'kind' | 'text'>): Set<string> {
  const parser = loadHlsJsParser();
  const found = kind === 'multivariant' ? multivariantUris() : mediaUris();
  return new Set(found.filter((uri) => uri !== undefined && uri !== '').map((uri) => new URL(uri!, BASE).href));

  function multivariantUris(): (string | undefined)[] {
    const parsed = parser.parseMasterPlaylist(text, BASE);
    expect(parsed.playlistParsingError).toBeNull();
    const media = Object.values(parser.parseMasterPlaylistMedia(text, BASE, parsed)).flat();
    return [
      ...[...parsed.levels, ...parsed.iframeVariants, ...media].map(({ url }) => url),
      ...Object.values(parsed.sessionData ?? {}).map((data) => data['URI']),
      ...(parsed.sessionKeys ?? []).map(({ uri }) => uri),
      parsed.contentSteering?.uri,
    ];
  }

  function mediaUris(): (string | undefined)[] {
    const details = parser.parseLevelPlaylist(text, BASE, 0, 'main', 0, null);
    const fragments = details.fragments.filter((fragment) => fragment !== null);
    return [
      ...fragments.flatMap(({ url, initSegment }) => [url, initSegment?.url]),
      ...fragments.flatMap(({ levelkeys }) => Object.values(levelkeys ?? {}).map(({ uri }) => uri)),
      ...(details.partList ?? []).map(({ url }) => url),
      details.preloadHint?.['URI'],
      ...(details.renditionReports ?? []).map((report) => report['URI']),
      ...Object.values(details.dateRanges).flatMap(({ attr }) => [attr['X-ASSET-URI'], attr['X-ASSET-LIST']]),
    ];
  }
}

describe.each(PLAYLISTS)('rewritePlaylist on $name', ({ text, uris, kind }) => {
  it('sees every URI with its tag', () => {
    expect(urisOf(text)).toEqual(uris);
  });

  it('leaves the text as it is, to the byte, when no URI changes', () => {
    expect(rewritePlaylist(text, same)).toBe(text);
  });

  it('changes the URIs and nothing else', () => {
    let index = 0;
    const rewritten = rewritePlaylist(text, () => `https://signed.example/${index++}?X-Amz-Signature=a&b=${index}`);
    // Put back in order, they give the text as it was, but for variables, which are gone from it.
    index = 0;
    const restored = rewritePlaylist(rewritten, () => uris[index++]![0]);
    expect(restored.replaceAll('\r', '')).toBe(expanded(text).replaceAll('\r', ''));
    expect(restored.split('\n').map((line) => line.endsWith('\r'))).toEqual(
      text.split('\n').map((line) => line.endsWith('\r')),
    );
  });

  it('leaves no URI that hls.js would ask for behind', () => {
    const rewritten = rewritePlaylist(text.replace('\uFEFF', ''), () => 'https://signed.example/x');
    expect([...urisOfHlsJs({ kind, text: rewritten })]).toEqual(['https://signed.example/x']);
  });

  it('gives hls.js the URIs that it gave the callback', () => {
    const known = uris.map(([uri]) => new URL(uri, BASE).href);
    for (const uri of urisOfHlsJs({ kind, text: text.replace('\uFEFF', '') })) expect(known).toContain(uri);
  });
});

/** The playlist with variables, their values in place; others as they are. */
function expanded(text: string): string {
  return text.replace(/^(#EXT-X-MAP.*|\{\$.*)$/gm, (line) =>
    line.replaceAll('{$base}', 'v/720p').replaceAll('{$folder}', '720p'),
  );
}

describe('rewritePlaylist', () => {
  it('is byte-identical for any text when no URI changes', () => {
    fc.assert(
      fc.property(playlistLike(), (text) => {
        expect(rewritePlaylist(text, same)).toBe(text);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => rewritePlaylist(text, same) === text));
  });

  it('comes to the same when it is done twice', () => {
    const sign = (uri: string): string => (uri.startsWith('https://signed/') ? uri : `https://signed/${escape(uri)}`);
    fc.assert(
      fc.property(playlistLike(), (text) => {
        const once = rewritePlaylist(text, sign);
        expect(rewritePlaylist(once, sign)).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });

  it('changes no character outside of the URIs it was asked for', () => {
    fc.assert(
      fc.property(playlistLike(), (text) => {
        const seen: string[] = [];
        const marked = rewritePlaylist(text, (uri) => {
          seen.push(uri);
          return '\u0001';
        });
        fc.pre(!text.includes('\u0001') && !text.includes('{$'));
        expect(marked.split('\u0001').length - 1).toBe(seen.length);
        let index = 0;
        expect(marked.replaceAll('\u0001', () => seen[index++]!)).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes mixed line ends, blank lines and a missing last one', () => {
    const text = '#EXTM3U\r\n\n\r#EXTINF:1,\ra.ts\n\n   \n#EXTINF:1,\r\nb.ts';
    expect(rewritePlaylist(text, (uri) => `x/${uri}`)).toBe(
      '#EXTM3U\r\n\n\r#EXTINF:1,\rx/a.ts\n\n   \n#EXTINF:1,\r\nx/b.ts',
    );
    expect(rewritePlaylist('', same)).toBe('');
  });

  it('takes a line of its own after another URI for a segment again', () => {
    const text = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n# comment\nv.m3u8\nstray.ts\n';
    expect(urisOf(text)).toEqual([
      ['v.m3u8', 'EXT-X-STREAM-INF'],
      ['stray.ts', 'EXTINF'],
    ]);
  });

  it('takes tags behind white space and URIs that lack their quotes, as players do', () => {
    expect(urisOf('#EXTM3U\n\t#EXT-X-MAP:URI="a.mp4"\n #EXT-X-KEY:METHOD=AES-128,URI=k.key ,IV=0x1\n')).toEqual([
      ['a.mp4', 'EXT-X-MAP'],
      ['k.key', 'EXT-X-KEY'],
    ]);
    expect(rewritePlaylist('#EXT-X-KEY:URI=k ,IV=0x1', () => 'new')).toBe('#EXT-X-KEY:URI=new ,IV=0x1');
  });

  it('leaves malformed attributes and empty URIs alone', () => {
    for (const text of ['#EXT-X-KEY:URI="a', '#EXT-X-KEY:URI=""', '#EXT-X-KEY:URI=', '#EXT-X-KEY:URI', '#EXT-X-KEY']) {
      expect(urisOf(text)).toEqual([]);
    }
    expect(urisOf('#EXT-X-KEY:METHOD,URI="a"')).toEqual([['a', 'EXT-X-KEY']]);
    expect(urisOf('#EXT-X-KEY:URI = "a,b" , X=1')).toEqual([['a,b', 'EXT-X-KEY']]);
    expect(urisOf('#EXT-X-PREFETCH:')).toEqual([]);
    expect(urisOf('#EXT-X-KEYS:URI="a"\n#ext-x-key:URI="b"\n#EXT-X-KEY:XURI="c",uri="d"')).toEqual([]);
  });

  it('keeps the reference to a variable where the URI stays, and writes the whole URI where it changes', () => {
    const text = '#EXT-X-DEFINE:NAME="v",VALUE="720p"\n#EXTINF:1,\n{$v}/a.ts\n#EXTINF:1,\n{$v}/b.ts\n';
    expect(rewritePlaylist(text, (uri) => (uri === '720p/a.ts' ? uri : `/signed/${uri}`))).toBe(
      '#EXT-X-DEFINE:NAME="v",VALUE="720p"\n#EXTINF:1,\n{$v}/a.ts\n#EXTINF:1,\n/signed/720p/b.ts\n',
    );
  });

  it('gives a variable whose value the text does not hold as it stands, unless the caller knows it', () => {
    const text = '#EXT-X-DEFINE:IMPORT="host"\n#EXT-X-DEFINE:QUERYPARAM="t"\n#EXTINF:1,\n{$host}/a.ts?t={$t}&{$none}\n';
    expect(urisOf(text)).toEqual([['{$host}/a.ts?t={$t}&{$none}', 'EXTINF']]);
    expect(urisOf(text, { host: 'v', t: '7', none: 'never defined' })).toEqual([['v/a.ts?t=7&{$none}', 'EXTINF']]);
    expect(urisOf('#EXT-X-DEFINE:IMPORT="__proto__"\n#EXTINF:1,\n{$__proto__}/a.ts\n', {})).toEqual([
      ['{$__proto__}/a.ts', 'EXTINF'],
    ]);
  });

  it('lets the first definition of a variable count, and only from its line on', () => {
    const text = '{$v}.ts\n#EXT-X-DEFINE:NAME="v",VALUE="1"\n#EXT-X-DEFINE:NAME="v",VALUE="2"\n{$v}.ts';
    expect(urisOf(text)).toEqual([
      ['{$v}.ts', 'EXTINF'],
      ['1.ts', 'EXTINF'],
    ]);
  });

  it('refuses a rewritten URI that would become another line or attribute', () => {
    const line = '#EXTINF:1,\na.ts';
    for (const bad of ['', '  ', '#a', ' #a', 'a\nb', 'a\rb', undefined]) {
      expect(codeOf(() => rewritePlaylist(line, () => bad as string))).toBe('INVALID_VALUE');
    }
    expect(codeOf(() => rewritePlaylist('#EXT-X-KEY:URI="a"', () => 'a",METHOD=NONE,X="'))).toBe('INVALID_VALUE');
    expect(codeOf(() => rewritePlaylist('#EXT-X-KEY:URI="a"', () => 'a\n#EXTINF'))).toBe('INVALID_VALUE');
    expect(codeOf(() => rewritePlaylist('#EXT-X-KEY:URI=a', () => 'a,METHOD=NONE'))).toBe('INVALID_VALUE');
    expect(rewritePlaylist('#EXT-X-KEY:URI="a"', () => '')).toBe('#EXT-X-KEY:URI=""');
  });

  it('does not show the rewritten URI in its error', () => {
    expect(() => rewritePlaylist('#EXTINF:1,\na.ts', () => 'https://x/?X-Amz-Signature=secret\n')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') as string }) as Error,
    );
  });

  it('refuses variables that double each other without end', () => {
    const lines = Array.from({ length: 64 }, (_, n) => `#EXT-X-DEFINE:NAME="v${n + 1}",VALUE="{$v${n}}{$v${n}}"`);
    const text = ['#EXT-X-DEFINE:NAME="v0",VALUE="12345678"', ...lines].join('\n');
    expect(codeOf(() => rewritePlaylist(text, same))).toBe('INVALID_PLAYLIST');
  });

  // A rewriter that looks back or tries again on such a line takes minutes for it.
  it.each([
    ['quotes that never close', `#EXT-X-KEY:URI="${',URI='.repeat(400_000)}`],
    ['quotes', `#EXT-X-KEY:${'"'.repeat(2_000_000)}`],
    ['equals signs', `#EXT-X-MEDIA:${'='.repeat(2_000_000)}`],
    ['commas', `#EXT-X-MEDIA:${','.repeat(2_000_000)}URI="a"`],
    ['spaces', `#EXT-X-MEDIA:${' '.repeat(2_000_000)}`],
    ['attributes', `#EXT-X-MEDIA:${'URI="a",'.repeat(250_000)}`],
    ['variables that never close', `#EXT-X-DEFINE:NAME="a",VALUE="b"\n${'{$a'.repeat(700_000)}`],
    ['blank lines', '\r\n'.repeat(1_000_000)],
    ['lines without a colon', '#EXT\n'.repeat(400_000)],
    ['spaces and nothing', `${' '.repeat(2_000_000)}x${' '.repeat(2_000_000)}`],
  ])('is done with 2 MB of %s in time', (_name, text) => {
    const before = process.cpuUsage();
    rewritePlaylist(text, same);
    const { user } = process.cpuUsage(before);
    expect(user).toBeLessThan(2_000_000);
  });
});

function escape(uri: string): string {
  return encodeURIComponent(uri.replaceAll(/\p{Surrogate}/gu, '_'));
}

/** Text made of the pieces that playlists are made of, in any order, well-formed or not. */
function playlistLike(): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('\n', '\r\n', '\r', ' ', '\t', ',', '"', '=', ':', '#', '\uFEFF') },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        '#EXTM3U',
        '#EXTINF:4,',
        '#EXT-X-STREAM-INF:BANDWIDTH=1\n',
        '#EXT-X-KEY:METHOD=AES-128,URI=',
        '\n#EXT-X-MAP:URI="',
        'URI="',
        ',URI="init.mp4",BYTERANGE="1@0"',
        '\n#EXT-X-PREFETCH:',
        '\n#EXT-X-DATERANGE:X-ASSET-LIST="',
        'SERVER-URI="/s"',
        'segment-0.m4s',
        '\n#EXT-X-DEFINE:NAME="v",VALUE="w"\n',
        '{$v}',
        'skd://key',
      ),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 8 }) },
  );
  return fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
}
