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
  masterPlaylist,
  planVariants,
  probeArguments,
  readProbe,
  readProgress,
  SEGMENT_SECONDS,
  variantArguments,
} from './ffmpeg-arguments.mjs';
import { canRun, runProcess } from './run-process.mjs';

const TIMEOUT_MS = 10 * 60_000;

/**
 * A transcoder, as a service that Workers bind: `POST /` with `{ bucket, key }` of an original makes private HLS of it, under
 * `{creatorId}/hls/{mediaId}/`, with `master.m3u8` last, so that whoever finds that finds all of it.
 *
 * It answers with lines of JSON as it goes on: `{ "progress": 40 }` (percent), and at the end `{ "status": "ready", "variants": [...], "files": 9 }` or
 * `{ "status": "failed", "reason": "..." }`. Without ffmpeg it answers `422 { "error": "no ffmpeg" }`; to a key that is not an original's, 400; where there
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
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(timeoutMs)]);
      return new Response(
        linesOf((report) => transcode({ r2, ffmpeg, bucket, media, original, signal, report })),
        {
          headers: { 'content-type': 'application/x-ndjson' },
        },
      );
    },
    stop: () => stopping.abort(new Error('The platform stops.')),
  };
}

async function transcode({ r2, ffmpeg, bucket, media, original, signal, report }) {
  const folder = await mkdtemp(join(tmpdir(), 'codex-transcoder-'));
  try {
    const input = join(folder, 'original');
    await pipeline(Readable.fromWeb(original.body), createWriteStream(input), { signal });
    const film = readProbe(await runProcess(ffmpeg.replace(/ffmpeg$/, 'ffprobe'), probeArguments(input), { signal }));
    if (film === null) return { status: 'failed', reason: 'There is no picture in the file.' };
    const variants = await encodeVariants(film, { ffmpeg, input, folder, signal, report });
    const files = await upload(variants, { r2, bucket, media, folder });
    return { status: 'ready', variants: variants.map(({ name }) => name), files };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function encodeVariants(film, { ffmpeg, input, folder, signal, report }) {
  const variants = [];
  const planned = planVariants(film);
  for (const [index, variant] of planned.entries()) {
    const target = join(folder, variant.name);
    await mkdir(target);
    await runProcess(ffmpeg, variantArguments(variant, { input, folder: target }, film), {
      signal,
      onOutput(text) {
        const seconds = readProgress(text);
        const share = seconds === null || film.durationSeconds === 0 ? 0 : Math.min(1, seconds / film.durationSeconds);
        report({ progress: Math.round(((index + share) / planned.length) * 95) });
      },
    });
    variants.push(await describe(variant, film, target));
  }
  return variants;
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

async function upload(variants, { r2, bucket, media, folder }) {
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
  await r2.uploadFile({ bucket, key: keys.hlsMaster(media.mediaId), body: masterPlaylist(variants) });
  return files + 1;
}

/** A stream of lines: what `work` reports, then what it ends with. */
function linesOf(work) {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async start(controller) {
      const write = (line) => controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
      try {
        write(await work(write));
      } catch (error) {
        write({ status: 'failed', reason: error.message.split('\n')[0] });
      }
      controller.close();
    },
  });
}

function answer(status, body) {
  return Response.json(body, { status });
}
