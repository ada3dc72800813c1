/** Seconds of a segment: short, as the samples are. */
export const SEGMENT_SECONDS = 2;
const MAX_HEIGHT = 720;
const SMALL_HEIGHT = 360;
/** H.264 levels up to 4.1 play everywhere. */
const VIDEO = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '26', '-profile:v', 'main', '-pix_fmt', 'yuv420p'];
const AUDIO = ['-c:a', 'aac', '-b:a', '96k', '-ac', '2'];

/**
 * The two variants of a film: the picture as it is (720 lines at most), and a smaller one for phones: 360 lines, or half of a picture
 * that has no more. What is H.264 with 8 bits and AAC already, and small enough, is copied into the larger one.
 *
 * @param film `{ height, videoCodec, pixelFormat, audioCodec }`; `audioCodec` is `null` without a sound.
 * @returns `[{ name, height, copiesVideo, copiesAudio }, ...]`, the largest first.
 */
export function planVariants({ height, videoCodec, pixelFormat, audioCodec }) {
  const large = even(Math.min(height, MAX_HEIGHT));
  const small = large > SMALL_HEIGHT ? SMALL_HEIGHT : Math.max(2, even(large / 2));
  const copiesVideo = videoCodec === 'h264' && pixelFormat === 'yuv420p' && height === large;
  const copiesAudio = audioCodec === 'aac';
  return [
    { name: `${large}p`, height: large, copiesVideo, copiesAudio },
    { name: `${small}p`, height: small, copiesVideo: false, copiesAudio },
  ];
}

/**
 * The arguments of one ffmpeg that reads a film once and writes its variants as HLS of fragmented MP4, each into a folder of its name below `folder`,
 * with progress on its standard output.
 *
 * @param variants of `planVariants`.
 * @param paths `{ input, folder }`.
 * @param film as for `planVariants`.
 */
export function hlsArguments(variants, { input, folder }, film) {
  return [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', '-progress', 'pipe:1', '-i', input],
    ...variants.flatMap((variant) => outputArguments(variant, `${folder}/${variant.name}`, film)),
  ];
}

function outputArguments(variant, folder, { audioCodec }) {
  const video = variant.copiesVideo
    ? ['-c:v', 'copy']
    : [
        ...['-vf', `scale=-2:${variant.height}`, ...VIDEO],
        ...['-force_key_frames', `expr:gte(t,n_forced*${SEGMENT_SECONDS})`],
      ];
  const audio = variant.copiesAudio ? ['-c:a', 'copy'] : AUDIO;
  return [
    ...['-map', '0:v:0', ...(audioCodec === null ? [] : ['-map', '0:a:0'])],
    ...video,
    ...(audioCodec === null ? [] : audio),
    ...['-map_metadata', '-1', '-threads', '2', '-f', 'hls', '-hls_time', String(SEGMENT_SECONDS)],
    ...['-hls_playlist_type', 'vod', '-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', 'init.mp4'],
    ...['-hls_segment_filename', `${folder}/segment-%d.m4s`, `${folder}/playlist.m3u8`],
  ];
}

/** The arguments of ffprobe that say what a film is, as JSON. */
export function probeArguments(input) {
  return ['-v', 'error', '-show_streams', '-show_format', '-of', 'json', input];
}

/**
 * What ffprobe said of a film.
 *
 * @returns `{ width, height, videoCodec, pixelFormat, audioCodec, durationSeconds }`; `null` when there is no picture in it.
 */
export function readProbe(json) {
  const { streams = [], format = {} } = JSON.parse(json);
  const video = streams.find(({ codec_type: type }) => type === 'video');
  if (video === undefined) return null;
  const audio = streams.find(({ codec_type: type }) => type === 'audio');
  return {
    width: video.width,
    height: video.height,
    videoCodec: video.codec_name,
    pixelFormat: video.pix_fmt,
    audioCodec: audio?.codec_name ?? null,
    durationSeconds: Number(format.duration ?? 0),
  };
}

/**
 * The master playlist of variants, the largest first.
 *
 * @param variants `{ name, bandwidth (bits a second), width, height, codecs }` each.
 */
export function masterPlaylist(variants) {
  const lines = variants.flatMap(({ name, bandwidth, width, height, codecs }) => [
    `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},RESOLUTION=${width}x${height},CODECS="${codecs}"`,
    `${name}/playlist.m3u8`,
  ]);
  return ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-INDEPENDENT-SEGMENTS', ...lines, ''].join('\n');
}

/** How far an ffmpeg is by a chunk of what `-progress` prints: seconds of the film, or `null` when the chunk does not say. */
export function readProgress(text) {
  const times = [...text.matchAll(/^out_time_us=(\d+)$/gm)];
  return times.length === 0 ? null : Number(times.at(-1)[1]) / 1_000_000;
}

function even(number) {
  return Math.floor(number / 2) * 2;
}
