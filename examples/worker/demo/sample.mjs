import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MEDIA = fileURLToPath(new URL('../media/', import.meta.url));
// The HLS first: an original that comes in is transcoded unless its HLS is there.
const FOLDERS = ['hls', 'originals'];

/** Every file of the media sample: its folder, its path in it, and its bytes. */
export function readSample() {
  return FOLDERS.flatMap((folder) => {
    const entries = readdirSync(join(MEDIA, folder), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
      .map((file) => ({
        folder,
        path: file.slice(join(MEDIA, folder).length + 1).replaceAll('\\', '/'),
        bytes: readFileSync(file),
      }));
  });
}
