import { ENV, HlsTokens, provide, token } from '@codex/cloudflare-clients';
import type { Env } from '../env.js';

/** The name of the bucket that holds the media. */
export const MEDIA_BUCKET = token<string>('CODEX_MEDIA_BUCKET');
/** What signs the paths of private HLS. */
export const HLS_TOKENS = token<HlsTokens>('CODEX_HLS_TOKENS');

/** Both come from variables. */
export const MEDIA_PROVIDERS = [
  provide(MEDIA_BUCKET, (container) => (container.resolve(ENV) as Env).MEDIA_BUCKET),
  provide(HLS_TOKENS, (container) => new HlsTokens({ secrets: [(container.resolve(ENV) as Env).HLS_SECRET] })),
];
