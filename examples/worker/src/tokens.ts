import { token } from '@codex/cloudflare-clients';
import type { HlsTokens } from '@codex/cloudflare-clients';
import type { Database } from './database.js';
import type { TranscodingMessage } from './transcoding-service.js';

/** The app's database. */
export const DATABASE = token<Database>('DATABASE');
/** The name of the bucket that holds the media. */
export const MEDIA_BUCKET = token<string>('MEDIA_BUCKET');
/** What signs the paths of private HLS. */
export const HLS_TOKENS = token<HlsTokens>('HLS_TOKENS');
/** Where work for the transcoder is sent. */
export const TRANSCODING_QUEUE = token<Queue<TranscodingMessage>>('TRANSCODING_QUEUE');
