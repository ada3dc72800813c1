import fc from 'fast-check';
import { resolvePlaylistUri } from '../../../../src/clients/r2/hls/playlist-uri.js';
import { isCloudflareClientError } from '../../../../src/errors.js';

const place = { playlistKey: 'c1/hls/m1/720p/playlist.m3u8', mediaPrefix: 'c1/hls/m1/' };

function refusal(uri: string): unknown {
  try {
    return resolvePlaylistUri(uri, place);
  } catch (error) {
    return isCloudflareClientError(error) ? [error.code, error.message] : error;
  }
}

describe('resolvePlaylistUri', () => {
  it.each([
    ['segment-0.m4s', 'c1/hls/m1/720p/segment-0.m4s'],
    ['./segment-0.m4s', 'c1/hls/m1/720p/segment-0.m4s'],
    ['../audio/./en/../de/a.m4s', 'c1/hls/m1/audio/de/a.m4s'],
    ['/c1/hls/m1/a.m4s', 'c1/hls/m1/a.m4s'],
    ['../../m1/a.m4s', 'c1/hls/m1/a.m4s'],
    ['%2e%2e/a.m4s', 'c1/hls/m1/a.m4s'],
    ['%2E./%2e/a.m4s', 'c1/hls/m1/a.m4s'],
    ['a%20b%2Bc+d.m4s', 'c1/hls/m1/720p/a b+c+d.m4s'],
    ['%C3%BC.m4s', 'c1/hls/m1/720p/ü.m4s'],
    ['ü d.m4s', 'c1/hls/m1/720p/ü d.m4s'],
    // Encoded twice is a name with a `%`: one key, and no way out.
    ['%252e%252e%252fsecret.m4s', 'c1/hls/m1/720p/%2e%2e%2fsecret.m4s'],
    ['%25.m4s', 'c1/hls/m1/720p/%.m4s'],
    ['...m4s', 'c1/hls/m1/720p/...m4s'],
    ['a:b.m4s/c', null],
    ['./a:b.m4s', 'c1/hls/m1/720p/a:b.m4s'],
  ])('maps %s to its key', (uri, key) => {
    expect(resolvePlaylistUri(uri, place)?.key ?? null).toBe(key);
  });

  it('keeps the query apart, and drops the fragment', () => {
    expect(resolvePlaylistUri('a.m4s?v=2&x=../../..#t=1', place)).toEqual({
      key: 'c1/hls/m1/720p/a.m4s',
      query: '?v=2&x=../../..',
    });
    expect(resolvePlaylistUri('?_HLS_msn=2', place)).toEqual({ key: place.playlistKey, query: '?_HLS_msn=2' });
    expect(resolvePlaylistUri('a.m4s#x?y', place)).toEqual({ key: 'c1/hls/m1/720p/a.m4s', query: '' });
  });

  it.each([
    'https://cdn.example/a',
    'HTTP://x',
    'skd://key',
    'data:text/plain;base64,AAAA',
    'urn:uuid:1',
    '//cdn/a',
    '',
  ])('leaves %j, which is not in the bucket, to the caller', (uri) => {
    expect(resolvePlaylistUri(uri, place)).toBeNull();
  });

  it.each([
    ['../../m2/a.m4s', 'leaves the media prefix'],
    ['/c1/hls/m2/a.m4s', 'leaves the media prefix'],
    ['/c1/hls/m10/a.m4s', 'leaves the media prefix'],
    ['/a', 'leaves the media prefix'],
    ['../../../../../x', 'leaves the bucket'],
    ['../../../../../c1/hls/m1/x', 'leaves the bucket'],
    ['%2e%2e/%2e%2e/m2/a.m4s', 'leaves the media prefix'],
    ['%2e%2e%2f%2e%2e%2fm2/a.m4s', 'an encoded slash'.slice(3)],
    ['a%2fb.m4s', 'encoded slash'],
    ['..\\..\\m2\\a.m4s', 'backslash'],
    ['/\\cdn.example/a', 'backslash'],
    ['a%5cb.m4s', 'backslash'],
    ['a%00.m4s', 'control character'],
    ['a\u0000.m4s', 'control character'],
    ['/\t/cdn.example/a', 'control character'],
    ['ht\ntps://cdn.example/a', 'control character'],
    ['a//b.m4s', 'empty'],
    ['100%.m4s', 'malformed escape'],
    ['%zz.m4s', 'malformed escape'],
    ['%ff.m4s', 'not UTF-8'],
    ['.', 'names a folder'],
    ['..', 'names a folder'],
    ['audio/', 'names a folder'],
    ['../', 'names a folder'],
    ['{$host}/a.m4s', 'variable'],
    ['a'.repeat(1_100), 'names no key'],
    ['\ud800.m4s', 'names no key'],
  ])('refuses %j', (uri, why) => {
    const [code, message] = refusal(uri) as [string, string];
    expect(code).toBe('INVALID_PLAYLIST');
    expect(message).toContain(why);
    expect(message).toContain(JSON.stringify(uri).slice(1, 60));
  });

  it('takes the folder of the playlist for the media prefix unless it is told another', () => {
    const playlistKey = 'c1/hls/m1/master.m3u8';
    expect(resolvePlaylistUri('720p/a.m4s', { playlistKey })?.key).toBe('c1/hls/m1/720p/a.m4s');
    expect(() => resolvePlaylistUri('../m2/a.m4s', { playlistKey })).toThrow('leaves the media prefix "c1/hls/m1/"');
    expect(resolvePlaylistUri('../m2/a.m4s', { playlistKey, mediaPrefix: 'c1/hls' })?.key).toBe('c1/hls/m2/a.m4s');
  });

  it('refuses a place that is none', () => {
    const at = (playlistKey: string, mediaPrefix?: string): unknown =>
      resolvePlaylistUri('a', { playlistKey, ...(mediaPrefix !== undefined && { mediaPrefix }) });
    expect(() => at('master.m3u8')).toThrow(expect.objectContaining({ code: 'INVALID_PREFIX' }) as Error);
    expect(() => at('c/m/x.m3u8', 'c/n/')).toThrow(expect.objectContaining({ code: 'INVALID_KEY' }) as Error);
    for (const prefix of ['', '/', '/c', 'c//m', 'c/../m', 'c/./m', 'c\\m', 'c/\u0000', 'a/'.repeat(33)]) {
      expect(() => at(`${prefix}x.m3u8`, prefix)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^INVALID_(PREFIX|KEY)$/) as string }) as Error,
      );
    }
  });

  it('agrees with the URL parser of players, and never answers with a key outside of the prefix', () => {
    const piece = fc.constantFrom(
      '..',
      '.',
      '%2e',
      '%2e%2e',
      'a',
      'm1',
      'c1',
      'hls',
      '%20',
      'ü',
      '',
      '?',
      '#',
      '%252e',
      '~',
    );
    const uris = fc
      .tuple(fc.boolean(), fc.array(piece, { maxLength: 8 }))
      .map(([root, pieces]) => (root ? '/' : '') + pieces.join('/'));
    const base = `https://bucket.example/${place.playlistKey}`;
    let resolved = 0;
    fc.assert(
      fc.property(uris, (uri) => {
        const target = refusal(uri);
        if (target === null || Array.isArray(target)) return;
        resolved += 1;
        const { key } = target as { key: string };
        expect(key.startsWith(place.mediaPrefix)).toBe(true);
        expect(decodeURIComponent(new URL(uri, base).pathname)).toBe(`/${key}`);
      }),
      { numRuns: 5_000 },
    );
    expect(resolved).toBeGreaterThan(100);
  });
});
