import { ENV, provide, token } from '@codex/cloudflare-clients';
import type { Env } from '../env.js';

/** What the queue `transcoding` carries: the media Worker consumes it. */
export interface TranscodingMessage {
  readonly mediaId: string;
  /** Of the original. */
  readonly key: string;
}

/** Where work for the transcoder is sent. */
export const TRANSCODING_QUEUE = token<Pick<Queue<TranscodingMessage>, 'send'>>('CODEX_TRANSCODING_QUEUE');

/** It is the binding of that name. */
export const TRANSCODING_PROVIDER = provide(
  TRANSCODING_QUEUE,
  (container) => (container.resolve(ENV) as Env).TRANSCODING_QUEUE as Queue<TranscodingMessage>,
);
