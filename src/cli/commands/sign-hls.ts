import type { Command } from 'commander';
import { mediaPrefixFor } from '../../clients/r2/hls/media-prefix.js';
import { signPlaylist, type PlaylistReference } from '../../clients/r2/hls/sign-playlist.js';
import { counted, formatTime, printable } from '../display.js';
import { NotFoundError, UsageError } from '../exit-code.js';
import type { Invocation } from '../invocation.js';
import { parseObjectLocation, parseSeconds, type Location } from '../values.js';

interface SignHlsOptions {
  readonly expires: string;
  readonly prefix?: string;
  readonly output?: string;
}

/** What is signed, and how. */
interface Signing {
  readonly bucket: string;
  readonly mediaPrefix: string;
  readonly expiresIn: number;
}

/** A playlist that was signed, and the playlists that it leads to. */
interface SignedText {
  readonly text: string;
  readonly expiresAt: Date;
  readonly playlists: readonly string[];
}

const MAX_PLAYLISTS = 1000;

/** `sign-hls`: a playlist whose segments anyone can read for a while. */
export function addSignHls(program: Command, call: Invocation): void {
  program
    .command('sign-hls')
    .description(
      'Sign a playlist: segments, maps and keys become URLs that work for a while. It is printed, or with --output written with all playlists that it leads to, ready to be played from there.',
    )
    .argument('<playlist>', 'bucket/key of a multivariant (master) or media playlist')
    .option('--expires <time>', 'how long the URLs work; longer than the film, and seven days at most', '4h')
    .option('--prefix <prefix>', 'the folder that no URI may leave (default: the folder of the playlist)')
    .option('-o, --output <folder>', 'folder to write the signed playlists to')
    .action((playlist: string, options: SignHlsOptions) => signHls(call, parseObjectLocation(playlist), options));
}

async function signHls(call: Invocation, { bucket, key }: Location, options: SignHlsOptions): Promise<void> {
  const { output } = options;
  const mediaPrefix = mediaPrefixFor(key, options.prefix);
  const signing = { bucket, mediaPrefix, expiresIn: parseSeconds(options.expires, '--expires') };
  const first = await signOne(call, signing, key);
  if (first === null) throw new NotFoundError(`There is no playlist ${bucket}/${key}.`);
  const expiresAt = first.expiresAt.toISOString();
  if (output === undefined) {
    call.emit({ bucket, key, expiresAt, text: first.text, unsigned: first.playlists });
    if (!call.json) call.io.stdout.write(first.text);
    if (first.playlists.length > 0) {
      call.note(
        `codex-r2: it leads to ${counted(first.playlists.length, 'playlist')}, not signed here; --output writes them all.`,
      );
    }
    return;
  }
  const written = await writeAll(call, { ...signing, output }, { key, signed: first });
  call.emit({ bucket, key, expiresAt, output, playlists: written });
  for (const { file } of written) call.print(printable(file));
  call.print(`${counted(written.length, 'playlist')}; the URLs work until ${formatTime(first.expiresAt)}.`);
}

/** Signs a playlist, and all that it leads to, into files that lie to one another as the objects do. */
async function writeAll(
  call: Invocation,
  { output, ...signing }: Signing & { readonly output: string },
  first: { readonly key: string; readonly signed: SignedText },
): Promise<{ key: string; file: string }[]> {
  const written: { key: string; file: string }[] = [];
  const queue = [first.key];
  for (const key of queue) {
    const signed = key === first.key ? first.signed : await signOne(call, signing, key);
    if (signed === null)
      throw new NotFoundError(`There is no playlist ${signing.bucket}/${key}, which another one names.`);
    const file = `${output.replace(/\/+$/, '')}/${key.slice(signing.mediaPrefix.length)}`;
    await call.io.writeFile(file, signed.text);
    written.push({ key, file });
    queue.push(...signed.playlists.filter((playlist) => !queue.includes(playlist)));
    if (queue.length > MAX_PLAYLISTS) throw new UsageError(`There are more than ${MAX_PLAYLISTS} playlists.`);
  }
  return written;
}

async function signOne(call: Invocation, signing: Signing, key: string): Promise<SignedText | null> {
  const playlists = new Set<string>();
  const route = (reference: PlaylistReference): string => {
    playlists.add(reference.key);
    return relativeUri(key, reference.key);
  };
  const signed = await signPlaylist(call.client, { ...signing, key, route, signal: call.signal });
  return signed === null ? null : { text: signed.text, expiresAt: signed.expiresAt, playlists: [...playlists] };
}

/** The way from one object to another, as a playlist writes it. */
function relativeUri(fromKey: string, toKey: string): string {
  const from = fromKey.split('/').slice(0, -1);
  const to = toKey.split('/');
  let shared = 0;
  while (shared < from.length && shared < to.length - 1 && from[shared] === to[shared]) shared += 1;
  const up = from.slice(shared).map(() => '..');
  return [...up, ...to.slice(shared).map(encodeURIComponent)].join('/');
}
