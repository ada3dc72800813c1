import type { R2Client } from '../../clients/r2/r2-client.js';
import { internalsOf } from '../../clients/r2/r2-internals.js';
import { checkBucket } from '../../clients/r2/object-names.js';
import type { HlsObject, HlsPlaylist, HlsStore } from './hls-store.js';

/** Playlists and objects of a bucket, as the check of HLS wants them. */
export function hlsStoreOf(client: R2Client, bucket: string, signal: AbortSignal): HlsStore {
  checkBucket(bucket);
  const store = internalsOf(client).storeOf(bucket);
  return {
    async read(key, maxBytes): Promise<HlsPlaylist | null> {
      const read = await store.get({ bucket, key, signal });
      if (read.status !== 'found') return null;
      const { text, size } = await readText(read.body, maxBytes);
      return { text, size: text === null ? read.info.size : size, contentType: read.info.contentType };
    },
    async head(key): Promise<HlsObject | null> {
      const head = await store.head({ bucket, key, signal });
      return head.status === 'found' ? { size: head.info.size, contentType: head.info.contentType } : null;
    },
  };
}

/** The text of a stream; `null` as soon as there is more of it than allowed. */
async function readText(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<{ text: string | null; size: number }> {
  const decoder = new TextDecoder();
  let size = 0;
  let text = '';
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBytes) return { text: null, size };
    text += decoder.decode(chunk, { stream: true });
  }
  return { text: text + decoder.decode(), size };
}
