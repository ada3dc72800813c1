import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { HlsTokens, type SignHlsOptions } from '../../../../src/clients/r2/hls/hls-tokens.js';
import { isCloudflareClientError } from '../../../../src/errors.js';

const SECRET = 'first-secret-of-the-tests-0123456789';
const OLD_SECRET = 'older-secret-of-the-tests-0123456789';
const START = Date.UTC(2026, 0, 1, 12, 0, 7);
const KEY = 'creator-1/hls/media-1/master.m3u8';
const PREFIX = 'creator-1/hls/media-1/';

let now = START;

function makeTokens(secrets: (string | Uint8Array)[] = [SECRET], basePath = '/v'): HlsTokens {
  return new HlsTokens({ secrets, basePath, now: () => now });
}

function at(path: string, cookie?: string): Request {
  return new Request(`https://app.example${path}`, cookie === undefined ? {} : { headers: { cookie } });
}

/** The path of another object, by the token of a signed path. */
function beside(path: string, key: string): string {
  return `/v/${path.split('/')[2]}/${key}`;
}

function codeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return isCloudflareClientError(error) ? error.code : error;
  }
}

beforeEach(() => {
  now = START;
});

describe('a signed path', () => {
  const tokens = makeTokens();
  const { path, expiresAt } = tokens.signPath({ key: KEY, expiresIn: 600 });

  it('lets in to all of its folder, under any spelling of a key', () => {
    expect(tokens.verify(at(path))).toEqual({ key: KEY, mediaPrefix: PREFIX, expiresAt, secondsLeft: 600 });
    const segment = `${PREFIX}720p/segment-0.m4s`;
    expect(tokens.verify(at(beside(path, segment)))?.key).toBe(segment);
    expect(tokens.verify(at(beside(path, segment.replace('segment', '%73egment'))))?.key).toBe(segment);
    expect(tokens.verify(at(beside(path, `${PREFIX}a/../720p/./segment-0.m4s`)))?.key).toBe(segment);
    expect(tokens.verify(at(`${beside(path, segment)}?v=2`))?.key).toBe(segment);
  });

  it('is inherited by relative URIs', () => {
    const url = new URL(
      '../../media-1/720p/a%20b.m4s',
      new URL(beside(path, `${PREFIX}x/y.m3u8`), 'https://app.example'),
    );
    expect(tokens.verify(new Request(url))?.key).toBe(`${PREFIX}720p/a b.m4s`);
  });

  it('works until it expires', () => {
    now = START + 599_000;
    expect(tokens.verify(at(path))).not.toBeNull();
    now = expiresAt.getTime();
    expect(tokens.verify(at(path))).toBeNull();
  });

  it.each([
    'creator-1/hls/media-2/master.m3u8',
    'creator-1/hls/media-10/master.m3u8',
    'creator-1/hls/media-1',
    'creator-1/hls/media-1/',
    'creator-2/hls/media-1/master.m3u8',
    'creator-1/hls/Media-1/master.m3u8',
    'creator-1/hls//media-1/master.m3u8',
    'creator-1/hls/media-1//master.m3u8',
    'creator-1/hls/media-1/..%2fmedia-2/master.m3u8',
    'creator-1/hls/media-1/%2e%2e%2fmedia-2/master.m3u8',
    'creator-1/hls/media-1/..%5cmedia-2/master.m3u8',
    'creator-1/hls/media-1/../media-2/master.m3u8',
    'creator-1/hls/media-1/%2e%2e/media-2/master.m3u8',
    'creator-1%2fhls/media-1/master.m3u8',
    'creator-1/hls/media-1/%00',
    'creator-1/hls/media-1/%ff',
    'creator-1/hls/media-1/%zz',
    '',
  ])('does not let in to %j', (key) => {
    expect(tokens.verify(at(beside(path, key)))).toBeNull();
  });

  it('is refused with any one character changed, added or dropped', () => {
    const token = path.split('/')[2]!;
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=%';
    const variants = new Set([`${token}=`, `0${token}`, token.slice(1), token.slice(0, -1), token.toUpperCase()]);
    for (let index = 0; index < token.length; index += 1) {
      for (const character of alphabet) variants.add(token.slice(0, index) + character + token.slice(index + 1));
    }
    variants.delete(token);
    for (const variant of variants) {
      const changed = path.replace(token, variant);
      if (tokens.verify(at(changed)) !== null) throw new Error(`accepted ${changed}`);
    }
    expect(variants.size).toBeGreaterThan(3_000);
  });

  it('is not accepted under another base path, nor as a cookie', () => {
    const other = makeTokens([SECRET], '/w');
    expect(other.verify(at(path.replace('/v/', '/w/')))).toBeNull();
    expect(tokens.verify(at(`/v/${KEY}`, `__Secure-hls=${path.split('/')[2]}`))).toBeNull();
    expect(tokens.verify(at(`/v/${KEY}`))).toBeNull();
    expect(tokens.verify(at(`/elsewhere/${KEY}`))).toBeNull();
    expect(tokens.verify(at('/v'))).toBeNull();
  });

  it('is the HMAC-SHA-256 of what it grants', () => {
    const [expires, depth, code] = path.split('/')[2]!.split('.');
    const message = JSON.stringify(['codex-hls-1', '/v', 'path', expires, PREFIX, null]);
    expect([expires, depth]).toEqual([String(START / 1000 + 600), '3']);
    expect(code).toBe(createHmac('sha256', SECRET).update(message).digest('base64url'));
  });
});

describe('HlsTokens', () => {
  it('signs with the first secret and accepts all', () => {
    const before = makeTokens([OLD_SECRET]);
    const during = makeTokens([new TextEncoder().encode(SECRET), OLD_SECRET]);
    const after = makeTokens([SECRET]);
    const old = before.signPath({ key: KEY, expiresIn: 600 });
    const fresh = during.signPath({ key: KEY, expiresIn: 600 });
    expect([before, during, after].map((tokens) => tokens.verify(at(old.path)) !== null)).toEqual([true, true, false]);
    expect([before, during, after].map((tokens) => tokens.verify(at(fresh.path)) !== null)).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('binds a token to a viewer', () => {
    const tokens = makeTokens();
    const { path } = tokens.signPath({ key: KEY, expiresIn: 600, viewer: 'session-1' });
    expect(tokens.verify(at(path), 'session-1')).not.toBeNull();
    expect(tokens.verify(at(path), 'session-2')).toBeNull();
    expect(tokens.verify(at(path), '')).toBeNull();
    expect(tokens.verify(at(path))).toBeNull();
    const unbound = tokens.signPath({ key: KEY, expiresIn: 600 });
    expect(tokens.verify(at(unbound.path), 'session-1')).toBeNull();
  });

  it('keeps apart what is granted, whatever the names are', () => {
    const tokens = makeTokens();
    const name = fc.string({
      unit: fc.constantFrom('a', '"', ',', '.', 'ü', '\ud800', '[', ']', 'null'),
      minLength: 1,
      maxLength: 4,
    });
    const grant = fc.record({ folder: name, viewer: fc.option(name, { nil: undefined }) });
    fc.assert(
      fc.property(grant, grant, (one, two) => {
        fc.pre(![one, two].some(({ folder }) => /^\.\.?$|\p{Surrogate}/u.test(folder)));
        const { path } = tokens.signPath({ key: `${one.folder}/a.m3u8`, viewer: one.viewer, expiresIn: 60 });
        const token = path.split('/')[2]!;
        const request = at(`/v/${token}/${encodeURIComponent(two.folder)}/a.m3u8`);
        const same = one.folder === two.folder && one.viewer === two.viewer;
        expect(tokens.verify(request, two.viewer) !== null).toBe(same);
      }),
      { numRuns: 1_000 },
    );
  });

  it('gives the same path within a multiple of roundExpiry, which works for expiresIn at least', () => {
    const tokens = makeTokens();
    const paths = new Set<string>();
    for (let second = 0; second < 60; second += 1) {
      now = START - 7_000 + second * 1000;
      const { path, expiresAt } = tokens.signPath({ key: KEY, expiresIn: 600, roundExpiry: 60 });
      paths.add(path);
      expect(expiresAt.getTime()).toBeGreaterThanOrEqual(now + 600_000);
    }
    expect(paths.size).toBe(1);
    now += 1000;
    expect(paths).not.toContain(tokens.signPath({ key: KEY, expiresIn: 600, roundExpiry: 60 }).path);
  });

  it('takes the folder that it is told, with or without its slash', () => {
    const tokens = makeTokens();
    for (const mediaPrefix of ['creator-1/hls', 'creator-1/hls/']) {
      const { path } = tokens.signPath({ key: KEY, mediaPrefix, expiresIn: 600 });
      expect(tokens.verify(at(beside(path, 'creator-1/hls/media-2/a.m4s')))?.mediaPrefix).toBe('creator-1/hls/');
    }
  });

  it('escapes what a path must', () => {
    const tokens = makeTokens();
    const key = 'c ü/h%2Fls#?/m;1/master list.m3u8';
    const { path } = tokens.signPath({ key, expiresIn: 60 });
    expect(path).toContain('/c%20%C3%BC/h%252Fls%23%3F/m%3B1/master%20list.m3u8');
    expect(tokens.verify(at(path))?.key).toBe(key);
  });

  it('says what is wrong with its options, and never shows a secret', () => {
    const short = 'only-31-bytes-of-secret-material';
    for (const secrets of [
      [],
      [short.slice(1)],
      [SECRET, short.slice(1)],
      [7],
      'text',
      Array(5).fill(SECRET),
      [new Uint8Array(31)],
    ]) {
      const make = (): unknown => new HlsTokens({ secrets: secrets as string[] });
      expect(codeOf(make)).toBe('INVALID_OPTION');
      expect(make).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('secret-m') as string }) as Error,
      );
    }
    expect(codeOf(() => new HlsTokens({ secrets: [short] }))).toBeInstanceOf(HlsTokens);
    for (const basePath of ['', 'v', '/v/', '//', '/v/..', '/.', '/a b', '/ü', '/%61', 7]) {
      expect(codeOf(() => new HlsTokens({ secrets: [SECRET], basePath: basePath as string }))).toBe('INVALID_OPTION');
    }
    const sign = (options: Partial<SignHlsOptions>) => () =>
      makeTokens().signPath({ key: KEY, expiresIn: 60, ...options });
    for (const expiresIn of [0, -1, 1.5, 604_801, NaN, '60' as unknown as number]) {
      expect(codeOf(sign({ expiresIn }))).toBe('INVALID_OPTION');
      expect(codeOf(sign({ roundExpiry: expiresIn === 0 ? -2 : expiresIn }))).toBe('INVALID_OPTION');
    }
    expect(codeOf(sign({ viewer: '' }))).toBe('INVALID_OPTION');
    expect(codeOf(sign({ key: 'master.m3u8' }))).toBe('INVALID_PREFIX');
    expect(codeOf(sign({ key: '' }))).toBe('INVALID_KEY');
    expect(codeOf(sign({ mediaPrefix: 'creator-2/' }))).toBe('INVALID_KEY');
    // What no request could be let in to.
    for (const key of ['c/hls/m//a.m3u8', 'c/hls/m/a\\b.m3u8', 'c/hls/m/720p/']) {
      expect(codeOf(sign({ key, mediaPrefix: 'c/hls/m' }))).toBe('INVALID_KEY');
    }
    expect(
      codeOf(() => new HlsTokens({ secrets: [SECRET], now: () => NaN }).signPath({ key: KEY, expiresIn: 1 })),
    ).toBe('INVALID_OPTION');
  });
});

describe('a signed cookie', () => {
  const tokens = makeTokens();
  const { path, setCookie, expiresAt } = tokens.signCookie({ key: KEY, expiresIn: 600 });
  const [pair] = setCookie.split('; ');

  it('is for its folder alone, and out of reach of scripts', () => {
    expect(path).toBe(`/v/${KEY}`);
    expect(setCookie.split('; ').slice(1)).toEqual([
      'Path=/v/creator-1/hls/media-1',
      'Max-Age=600',
      'HttpOnly',
      'Secure',
      'SameSite=Lax',
    ]);
    expect(
      tokens.signCookie({ key: KEY, expiresIn: 600, sameSite: 'None', domain: 'example.com', partitioned: true })
        .setCookie,
    ).toMatch(/; Domain=example.com; Max-Age=600; HttpOnly; Secure; SameSite=None; Partitioned$/);
  });

  it('lets in to its folder and to no other', () => {
    expect(tokens.verify(at(path, pair))).toEqual({ key: KEY, mediaPrefix: PREFIX, expiresAt, secondsLeft: 600 });
    expect(tokens.verify(at(path, `a=b; ${pair}; c`))).not.toBeNull();
    expect(tokens.verify(at('/v/creator-1/hls/media-2/master.m3u8', pair))).toBeNull();
    expect(tokens.verify(at(`/v/${pair!.split('=')[1]}/${KEY}`))).toBeNull();
    now = expiresAt.getTime();
    expect(tokens.verify(at(path, pair))).toBeNull();
  });

  it('is found behind others of its name, up to a few', () => {
    const foreign = '__Secure-hls=1.3.AAAA';
    expect(tokens.verify(at(path, `${foreign}; ${foreign}; ${pair}`))).not.toBeNull();
    expect(tokens.verify(at(path, `${`${foreign}; `.repeat(4)}${pair}`))).toBeNull();
  });

  it('refuses a folder whose path browsers would ignore', () => {
    const key = (characters: number): string => `${'ü'.repeat(characters)}/master.m3u8`;
    expect(codeOf(() => tokens.signCookie({ key: key(200), expiresIn: 60 }))).toBe('INVALID_PREFIX');
    expect(tokens.signCookie({ key: key(150), expiresIn: 60 }).setCookie).toContain('; Path=/v/%C3%BC');
  });

  it('refuses attributes that would become others', () => {
    const sign = (options: object) => () => tokens.signCookie({ key: KEY, expiresIn: 600, ...options });
    expect(codeOf(sign({ domain: 'a; Path=/' }))).toBe('INVALID_OPTION');
    expect(codeOf(sign({ sameSite: 'lax' }))).toBe('INVALID_OPTION');
    const odd = tokens.signCookie({ key: 'a;b/c,d/e f/x.m3u8', expiresIn: 60 });
    expect(odd.setCookie).toContain('; Path=/v/a%3Bb/c%2Cd/e%20f; ');
  });
});
