import { runModule } from './support/run-module.js';

const ARGUMENTS = `import * as f from './examples/local/ffmpeg-arguments.mjs';`;

interface Variant {
  readonly name: string;
  readonly copiesVideo: boolean;
  readonly copiesAudio: boolean;
}

function plan(film: object): Promise<Variant[]> {
  return runModule(`${ARGUMENTS} console.log(JSON.stringify(f.planVariants(${JSON.stringify(film)})));`);
}

const H264 = { height: 720, videoCodec: 'h264', pixelFormat: 'yuv420p', audioCodec: 'aac' };

test('copies what plays everywhere as it is, and makes a smaller variant', async () => {
  expect(await plan(H264)).toMatchObject([
    { name: '720p', copiesVideo: true, copiesAudio: true },
    { name: '360p', copiesVideo: false, copiesAudio: true },
  ]);
});

test.each([
  ['larger than 720 lines', { ...H264, height: 1080 }, '720p'],
  ['of ten bits', { ...H264, pixelFormat: 'yuv420p10le' }, '720p'],
  ['of another codec', { ...H264, videoCodec: 'vp9' }, '720p'],
  ['of an odd height', { ...H264, height: 481 }, '480p'],
])('encodes a picture that is %s', async (_what, film, name) => {
  expect((await plan(film))[0]).toMatchObject({ name, copiesVideo: false });
});

test('halves a picture that is small already', async () => {
  expect((await plan({ ...H264, height: 360 })).map(({ name }) => name)).toEqual(['360p', '180p']);
});

test('one command line reads the film once and writes fragmented MP4 in short segments, and no sound where there is none', async () => {
  const film = { ...H264, audioCodec: null };
  const args = await runModule<string[]>(`${ARGUMENTS}
    const film = ${JSON.stringify(film)};
    console.log(JSON.stringify(f.hlsArguments(f.planVariants(film), { input: '/in', folder: '/out' }, film)));
  `);
  const line = args.join(' ');
  expect(line).toMatch(
    / -i \/in -map 0:v:0 -c:v copy .*\/out\/720p\/playlist\.m3u8 -map 0:v:0 -vf scale=-2:360 -c:v libx264 /,
  );
  expect(line).toMatch(
    / -hls_time 2 .*-hls_segment_type fmp4 .*\/out\/360p\/segment-%d\.m4s \/out\/360p\/playlist\.m3u8$/,
  );
  expect(line).not.toContain('0:a:0');
});

test('names codecs, progress and the master playlist', async () => {
  const seen = await runModule(`${ARGUMENTS}
    import { codecNames } from './examples/local/codec-names.mjs';
    const box = Buffer.concat([Buffer.from('avcC'), Buffer.from([1, 0x4d, 0x40, 0x1f]), Buffer.from('mp4a')]);
    console.log(JSON.stringify({
      codecs: codecNames(box),
      seconds: f.readProgress('frame=1\\nout_time_us=1500000\\nprogress=continue\\n'),
      none: f.readProgress('frame=1\\n'),
      master: f.masterPlaylist([{ name: '720p', bandwidth: 9, width: 1280, height: 720, codecs: codecNames(box) }]),
    }));
  `);
  expect(seen).toEqual({
    codecs: 'avc1.4d401f,mp4a.40.2',
    seconds: 1.5,
    none: null,
    master:
      '#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n' +
      '#EXT-X-STREAM-INF:BANDWIDTH=9,RESOLUTION=1280x720,CODECS="avc1.4d401f,mp4a.40.2"\n720p/playlist.m3u8\n',
  });
});

test('without ffmpeg it says so, and refuses what is no original', async () => {
  const seen = await runModule(`
    import { createTranscoder } from './examples/local/transcoder.mjs';
    const transcoder = createTranscoder({ r2: {}, ffmpeg: 'no-such-ffmpeg' });
    const ask = async (key) => {
      const answer = await transcoder.fetch(new Request('http://t/', { method: 'POST', body: JSON.stringify({ bucket: 'b', key }) }));
      return [answer.status, await answer.json()];
    };
    console.log(JSON.stringify([await ask('c1/originals/m1/film.mp4'), await ask('c1/hls/m1/master.m3u8')]));
  `);
  expect(seen).toEqual([
    [422, { error: 'no ffmpeg' }],
    [400, { error: 'not an original' }],
  ]);
});

/** What a transcoder with a command for ffprobe that does this says of a film; `read` reads the answer, and gives back what was seen. */
function answerOf(ffprobe: string, read: string): Promise<unknown> {
  return runModule(`
    import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
    import { tmpdir } from 'node:os';
    import { createTranscoder } from './examples/local/transcoder.mjs';
    const folder = mkdtempSync(tmpdir() + '/codex-commands-');
    writeFileSync(folder + '/ffmpeg', '#!/bin/sh\\nexit 0');
    writeFileSync(folder + '/ffprobe', '#!/bin/sh\\n' + ${JSON.stringify(ffprobe)});
    for (const name of ['ffmpeg', 'ffprobe']) chmodSync(folder + '/' + name, 0o755);
    const r2 = { downloadFile: async () => ({ body: new Blob(['bytes']).stream(), etag: 'v1' }) };
    const transcoder = createTranscoder({ r2, ffmpeg: folder + '/ffmpeg' });
    const body = JSON.stringify({ bucket: 'b', key: 'c1/originals/m1/film.mp4' });
    const answer = await transcoder.fetch(new Request('http://t/', { method: 'POST', body }));
    ${read}
    rmSync(folder, { recursive: true });
  `);
}

const PRINT = `console.log((await answer.text()).trim().split('\\n').at(-1));`;

test.each([
  ['has no picture', `echo '{"streams":[{"codec_type":"audio","codec_name":"aac"}],"format":{}}'`],
  ['no program can read', 'echo "Invalid data found when processing input" >&2; exit 1'],
])('says for good that a file that %s has failed', async (_what, ffprobe) => {
  expect(await answerOf(ffprobe, PRINT)).toEqual({ status: 'failed', reason: 'There is no picture in the file.' });
});

test('says of work that was killed that it was interrupted: it may go better another time', async () => {
  expect(await answerOf('kill -9 $$', PRINT)).toMatchObject({ status: 'interrupted' });
});

test('ends the work when nobody reads the answer any more', async () => {
  const read = `
    const isRunning = () => process.getActiveResourcesInfo().includes('ProcessWrap');
    const until = async (holds) => {
      while (!holds()) await new Promise((resolve) => setImmediate(resolve));
    };
    await until(isRunning);
    const started = Date.now();
    await answer.body.cancel();
    await until(() => !isRunning());
    console.log(JSON.stringify({ isQuick: Date.now() - started < 20_000 }));`;
  expect(await answerOf('exec sleep 30', read)).toEqual({ isQuick: true });
});
