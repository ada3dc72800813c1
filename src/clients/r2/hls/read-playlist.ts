import { CloudflareClientError } from '../../../errors.js';
import { shown } from '../object-names.js';
import type { R2Client } from '../r2-client.js';

/** The most that a playlist may have, 4 MiB: one day of two-second segments. It is rewritten in memory. */
export const MAX_PLAYLIST_BYTES = 4 * 1024 * 1024;

const FIRST_LINE = /^\uFEFF?#EXTM3U(?![^\s])/;

/** Which playlist to read. */
interface PlaylistObject {
  readonly bucket: string;
  readonly key: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The text of a playlist, a byte order mark included; `null` when there is none of that key.
 *
 * @throws {CloudflareClientError} `INVALID_PLAYLIST` for what is larger than 4 MiB, is not UTF-8 or does not begin with
 * `#EXTM3U`; `R2_*`
 */
export async function readPlaylist(r2: R2Client, object: PlaylistObject): Promise<string | null> {
  const file = await r2.downloadFile(object);
  if (file === null) return null;
  const bytes = await bytesOf(file.body, object.key);
  const text = decoded(bytes, object.key);
  if (FIRST_LINE.test(text)) return text;
  throw notAPlaylist(object.key, 'does not begin with #EXTM3U');
}

async function bytesOf(body: ReadableStream<Uint8Array>, key: string): Promise<Uint8Array> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > MAX_PLAYLIST_BYTES) {
      await reader.cancel();
      throw notAPlaylist(key, `is larger than ${MAX_PLAYLIST_BYTES} bytes`);
    }
    chunks.push(value);
  }
  return joined(chunks, size);
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

function decoded(bytes: Uint8Array, key: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw notAPlaylist(key, 'is not UTF-8', cause);
  }
}

function notAPlaylist(key: string, why: string, cause?: unknown): CloudflareClientError {
  return new CloudflareClientError('INVALID_PLAYLIST', `The object ${shown(key)} is no playlist to sign: it ${why}.`, {
    cause,
  });
}
