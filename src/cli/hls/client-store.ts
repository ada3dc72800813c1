import type { R2Client } from '../../clients/r2/r2-client.js';
import type { HlsObject, HlsPlaylist, HlsStore } from './hls-store.js';

/** Playlists and objects of a bucket, as the check of HLS wants them. */
export function hlsStoreOf(client: R2Client, bucket: string): HlsStore {
  return {
    async read(key, maxBytes): Promise<HlsPlaylist | null> {
      const download = await client.downloadFile({ bucket, key });
      if (download === null) return null;
      const { contentType } = download;
      const { text, size } = await readText(download.body, maxBytes);
      return { text, size: text === null ? download.size : size, contentType };
    },
    async head(key): Promise<HlsObject | null> {
      const info = await client.headFile({ bucket, key });
      return info === null ? null : { size: info.size, contentType: info.contentType };
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
