/* global AbortController, AbortSignal, ReadableStream, TextEncoder */
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { mediaKeys, parseMediaKey } from '@codex/cloudflare-clients';
import { Response } from 'miniflare';
import { codecNames } from './codec-names.mjs';
import {
  hlsArguments,
  masterPlaylist,
  planVariants,
  probeArguments,
  readProbe,
  readProgress,
  SEGMENT_SECONDS,
} from './ffmpeg-arguments.mjs';
import { canRun, runProcess } from './run-process.mjs';

const TIMEOUT_MS = 10 * 60_000;

/**
 * A transcoder, as a service that Workers bind: `POST /` with `{ bucket, key }` of an original makes private HLS of it, under
 * `{creatorId}/hls/{mediaId}/`, with `master.m3u8` last, so that whoever finds that finds all of it.
 *
 * It answers with lines of JSON as it goes on: `{ "progress": 40 }` (percent), and at the end `{ "status": "ready", "variants": [...], "files": 9 }` or
 * `{ "status": "failed", "reason": "..." }` for what is no film, or `{ "status": "interrupted", "reason": "..." }` for what may go better another time.
 * The master playlist says of which original it is: `original-etag` in its metadata. Without ffmpeg it answers `422 { "error": "no ffmpeg" }`; to a key that is not an original's, 400; where there
 * is no such object, 404.
 *
 * @param options.r2 R2Client for the buckets.
 * @param options.ffmpeg command of ffmpeg; that of ffprobe is derived of it. Default `ffmpeg`.
 * @param options.timeoutMs bound of one film. Default 10 minutes.
 * @returns `fetch(request)`, `isAvailable()` (whether there is ffmpeg), `requests` (how many came), and `stop()`, which ends what is running.
 */
export function createTranscoder({ r2, ffmpeg = 'ffmpeg', timeoutMs = TIMEOUT_MS }) {
  const stopping = new AbortController();
  let availability;
  const isAvailable = () => (availability ??= canRun(ffmpeg));
  let requests = 0;
  return {
    get requests() {
      return requests;
    },
    isAvailable,
    async fetch(request) {
      requests += 1;
      const { bucket, key } = await request.json();
      const media = parseMediaKey(key);
      if (media?.kind !== 'original') return answer(400, { error: 'not an original' });
      if (!(await isAvailable())) return answer(422, { error: 'no ffmpeg' });
      const original = await r2.downloadFile({ bucket, key });
      if (original === null) return answer(404, { error: 'no such original' });
      const bounds = [stopping.signal, AbortSignal.timeout(timeoutMs)];
      const lines = linesOf((report, left) => {
        const signal = AbortSignal.any([...bounds, left]);
        return transcode({ r2, ffmpeg, bucket, media, original, signal, report });
      });
      return new Response(lines, { headers: { 'content-type': 'application/x-ndjson' } });
    },
    stop: () => stopping.abort(new Error('The platform stops.')),
  };
}

async function transcode({ r2, ffmpeg, bucket, media, original, signal, report }) {
  const folder = await mkdtemp(join(tmpdir(), 'codex-transcoder-'));
  try {
    const input = join(folder, 'original');
    await pipeline(Readable.fromWeb(original.body), createWriteStream(input), { signal });
    const film = await probe(ffmpeg.replace(/ffmpeg$/, 'ffprobe'), input, signal);
    if (film === null) return { status: 'failed', reason: 'There is no picture in the file.' };
    const variants = await encodeVariants(film, { ffmpeg, input, folder, signal, report });
    const files = await upload(variants, { r2, bucket, media, folder, etag: original.etag });
    return { status: 'ready', variants: variants.map(({ name }) => name), files };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a file is; `null` when it is no film, and will be none the next time either. */
async function probe(ffprobe, input, signal) {
  try {
    return readProbe(await runProcess(ffprobe, probeArguments(input), { signal }));
  } catch (error) {
    if (typeof error.exitStatus === 'number' && !signal.aborted) return null;
    throw error;
  }
}

async function encodeVariants(film, { ffmpeg, input, folder, signal, report }) {
  const planned = planVariants(film);
  for (const { name } of planned) await mkdir(join(folder, name));
  await runProcess(ffmpeg, hlsArguments(planned, { input, folder }, film), {
    signal,
    onOutput(text) {
      const seconds = readProgress(text);
      const share = seconds === null || film.durationSeconds === 0 ? 0 : Math.min(1, seconds / film.durationSeconds);
      report({ progress: Math.round(share * 95) });
    },
  });
  return Promise.all(planned.map((variant) => describe(variant, film, join(folder, variant.name))));
}

/** What the master playlist says of a variant. */
async function describe({ name, height }, film, target) {
  const files = (await readdir(target)).sort();
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(target, file))).size));
  return {
    name,
    files,
    height,
    width: Math.round((film.width * height) / film.height / 2) * 2,
    // The peak: that of the largest segment (RFC 8216, 4.3.4.2).
    bandwidth: Math.ceil((8 * Math.max(...sizes)) / Math.min(SEGMENT_SECONDS, film.durationSeconds || 1)),
    codecs: codecNames(await readFile(join(target, 'init.mp4'))),
  };
}

async function upload(variants, { r2, bucket, media, folder, etag }) {
  const keys = mediaKeys(media.creatorId);
  let files = 0;
  for (const { name, files: names } of variants) {
    await Promise.all(
      names.map(async (file) => {
        const body = await readFile(join(folder, name, file));
        await r2.uploadFile({ bucket, key: keys.hlsFile(media.mediaId, `${name}/${file}`), body });
      }),
    );
    files += names.length;
  }
  const metadata = { 'original-etag': etag.replaceAll('"', '') };
  await r2.uploadFile({ bucket, key: keys.hlsMaster(media.mediaId), body: masterPlaylist(variants), metadata });
  return files + 1;
}

/** A stream of lines: what `work` reports, then what it ends with. Whoever reads no further ends the work. */
function linesOf(work) {
  const encoder = new TextEncoder();
  const left = new AbortController();
  return new ReadableStream({
    start(controller) {
      const write = (line) => left.signal.aborted || controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
      void work(write, left.signal)
        .catch((error) => ({ status: 'interrupted', reason: error.message.split('\n')[0] }))
        .then((line) => {
          write(line);
          if (!left.signal.aborted) controller.close();
        });
    },
    cancel: () => left.abort(new Error('Nobody waits for it.')),
  });
}

function answer(status, body) {
  return Response.json(body, { status });
}
