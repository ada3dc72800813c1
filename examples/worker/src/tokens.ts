import { token } from '@codex/cloudflare-clients';
import type { HlsTokens, KVClient, R2Client } from '@codex/cloudflare-clients';
import type { Database } from './database.js';
import type { TranscodingJob } from './transcoding-service.js';
import type { WebhookVerifier } from './webhook-signature.js';

/** The app's database. */
export const DATABASE = token<Database>('DATABASE');
/** The D1 binding itself, for what is no business of the app's: counts of events. */
export const D1 = token<D1Database>('D1');
/** The name of the bucket that holds the media. */
export const MEDIA_BUCKET = token<string>('MEDIA_BUCKET');
/** The name of the bucket that everything is copied to. */
export const BACKUP_BUCKET = token<string>('BACKUP_BUCKET');
/** Origins of the pages that upload straight into the bucket. */
export const PUBLIC_ORIGINS = token<readonly string[]>('PUBLIC_ORIGINS');
/** A client without the binding: it lets the storage copy by itself, and settings of a bucket are S3's alone. */
export const S3_CLIENT = token<R2Client>('S3_CLIENT');
/** Where the replication notes how far it came. */
export const CHECKPOINTS = token<KVClient>('CHECKPOINTS');
/** What signs the paths of private HLS. */
export const HLS_TOKENS = token<HlsTokens>('HLS_TOKENS');
/** Where work for the transcoder is sent. */
export const TRANSCODING_QUEUE = token<Queue<TranscodingJob>>('TRANSCODING_QUEUE');
/** The transcoder. */
export const TRANSCODER = token<Fetcher>('TRANSCODER');
/** What checks the webhooks of the account service. */
export const WEBHOOK_VERIFIER = token<WebhookVerifier>('WEBHOOK_VERIFIER');
