import { join } from 'node:path';
import { buildSync } from 'esbuild';

const ROOT = join(__dirname, '../../../..');
const FEATURES = ['ALT_AUDIO', 'CMCD', 'CONTENT_STEERING', 'EME_DRM', 'IFRAMES', 'INTERSTITIALS', 'MEDIA_CAPABILITIES'];
const MORE_FEATURES = ['SUBTITLES', 'VARIABLE_SUBSTITUTION'];

interface HlsUrl {
  readonly url: string;
}

interface HlsFragment extends HlsUrl {
  readonly initSegment: HlsUrl | null;
  readonly levelkeys?: Readonly<Record<string, { readonly uri: string }>>;
}

/** What hls.js makes of a playlist, as far as it names URIs. */
export interface HlsJsParser {
  parseMasterPlaylist(
    text: string,
    url: string,
  ): {
    readonly levels: readonly { readonly url: string }[];
    readonly iframeVariants: readonly { readonly url: string }[];
    readonly playlistParsingError: Error | null;
    readonly sessionData: Readonly<Record<string, Readonly<Record<string, string>>>> | null;
    readonly sessionKeys: readonly { readonly uri: string }[] | null;
    readonly contentSteering: { readonly uri: string } | null;
  };
  parseMasterPlaylistMedia(
    text: string,
    url: string,
    parsed: unknown,
  ): Readonly<Record<string, readonly { readonly url: string }[]>>;
  parseLevelPlaylist(
    text: string,
    url: string,
    id: number,
    type: string,
    urlId: number,
    variables: Readonly<Record<string, string>> | null,
  ): {
    readonly fragments: readonly (HlsFragment | null)[];
    readonly partList: readonly HlsUrl[] | null;
    readonly preloadHint?: Readonly<Record<string, string>>;
    readonly renditionReports?: readonly Readonly<Record<string, string>>[];
    readonly dateRanges: Readonly<Record<string, { readonly attr: Readonly<Record<string, string>> }>>;
    readonly playlistParsingError: Error | null;
  };
}

/** The parser of the installed hls.js, built from the sources that it publishes: its bundles do not export it. */
export function loadHlsJsParser(): HlsJsParser {
  const { outputFiles } = buildSync({
    entryPoints: [join(ROOT, 'node_modules/hls.js/src/loader/m3u8-parser.ts')],
    bundle: true,
    write: false,
    format: 'cjs',
    external: ['url-toolkit', '@svta/cml-id3'],
    define: {
      ...Object.fromEntries([...FEATURES, ...MORE_FEATURES].map((name) => [`__USE_${name}__`, 'true'])),
      __VERSION__: '"test"',
      __IN_WORKER__: 'false',
      __HLS_WORKER_BUNDLE__: 'undefined',
      self: 'globalThis',
    },
    tsconfigRaw: '{}',
    logLevel: 'error',
  });
  const module: { exports: { default?: HlsJsParser } } = { exports: {} };
  const modules: Record<string, unknown> = {
    'url-toolkit': { buildAbsoluteURL: (base: string, url: string) => new URL(url, base).href },
    '@svta/cml-id3': {},
  };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  new Function('require', 'module', 'exports', outputFiles[0]!.text)(
    (name: string) => modules[name],
    module,
    module.exports,
  );
  return module.exports.default!;
}
