import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SAMPLE = join(__dirname, '../../../examples/worker/media/originals/original.mp4');

/** Files that can be played, in a folder of their own. */
export interface Films {
  readonly folder: string;
  /** Six seconds with a picture, of exactly `bytes`: a box `free`, which players skip, makes up for what is missing. */
  large(name: string, bytes: number): string;
  /** Six seconds of sound alone, which no transcoder makes a film of. */
  soundOnly(name: string): string;
}

/** Makes a folder for films. */
export function makeFilms(): Films {
  const folder = mkdtempSync(join(tmpdir(), 'codex-films-'));
  return {
    folder,
    large(name, bytes) {
      const film = readFileSync(SAMPLE);
      const padding = Buffer.alloc(bytes - film.length);
      padding.writeUInt32BE(padding.length, 0);
      padding.write('free', 4, 'latin1');
      const path = join(folder, name);
      writeFileSync(path, Buffer.concat([film, padding]));
      return path;
    },
    soundOnly(name) {
      const path = join(folder, name);
      execFileSync('ffmpeg', ['-v', 'error', '-i', SAMPLE, '-vn', '-c:a', 'copy', path]);
      return path;
    },
  };
}
