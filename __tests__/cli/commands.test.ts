import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { R2Client } from '../../src/clients/r2/r2-client.js';
import { internalsOf } from '../../src/clients/r2/r2-internals.js';
import { startFaultServer, status } from '../clients/r2/fault-server.js';
import { startS3Front, type S3Front } from '../support/s3-front.js';
import { envOf, jsonLines, run, written, type CliRun, type CliWorld } from './cli-harness.js';
import { soundMedia } from './hls-fixture.js';

const BUCKET = 'media';
const FILM = 'creator1/hls/m1/';
let server: S3Front;
let r2: R2Client;
let env: Record<string, string>;
let folder: string;

beforeAll(async () => {
  server = await startS3Front({ buckets: [BUCKET, 'other'], pageSize: 2 });
  r2 = new R2Client(server.config);
  env = envOf(server);
  folder = mkdtempSync(join(tmpdir(), 'codex-r2-'));
  for (const [key, { body, contentType }] of soundMedia(FILM))
    await r2.uploadFile({ bucket: BUCKET, key, body, contentType });
  for (const key of ['creator1/audio/a/audio.mp3', 'creator10/notes.txt', 'readme.txt']) {
    await r2.uploadFile({ bucket: BUCKET, key, body: 'x'.repeat(2048) });
  }
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.stop();
});

afterEach(() => server.reset());

const cli = (args: string, world: CliWorld = {}): Promise<CliRun> =>
  run(
    args.split(' ').filter((arg) => arg !== ''),
    { env, ...world },
  );
const keysOf = async (prefix: string, bucket = BUCKET): Promise<string[]> =>
  (await r2.listFiles({ bucket, prefix })).map(({ key }) => key);

async function seed(prefix: string, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, (_, index) => r2.uploadFile({ bucket: BUCKET, key: `${prefix}${index}`, body: 'x' })),
  );
}

/** Waits for what the server sees; gives up, so that a test that fails also ends. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition()).toBe(true);
}

function file(name: string, value: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
}

describe('ls', () => {
  it('lists folders before objects, with sizes and dates', async () => {
    const { code, stdout } = await cli('ls media');
    const lines = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(lines.slice(0, 2)).toEqual([
      expect.stringMatching(/^ +- +creator1\/$/),
      expect.stringMatching(/^ +- +creator10\/$/),
    ]);
    expect(lines[2]).toMatch(/^ {3}2\.0 KiB {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ {5}readme\.txt$/);
  });

  it('prints one JSON value a line, and a summary', async () => {
    const result = await cli('ls media --json');
    expect(jsonLines(result)).toEqual([
      { type: 'prefix', prefix: 'creator1/' },
      { type: 'prefix', prefix: 'creator10/' },
      {
        type: 'object',
        key: 'readme.txt',
        size: 2048,
        etag: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
        lastModified: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        storageClass: 'STANDARD',
      },
      { type: 'summary', bucket: 'media', prefix: '', folders: 2, objects: 1, bytes: 2048, truncated: false },
    ]);
  });

  it('lists everything below a prefix with --recursive', async () => {
    const { stdout } = await cli(`ls media/${FILM} -r`);
    expect(stdout.trimEnd().split('\n')).toHaveLength(17);
  });

  it('stops at --limit and says that there is more', async () => {
    const result = await cli('ls media -r --limit 2 --json');
    expect(jsonLines(result)).toHaveLength(3);
    expect(jsonLines(result)[2]).toMatchObject({ objects: 2, truncated: true });
  });

  it('lists the buckets when none is named', async () => {
    const result = await cli('ls --json');
    expect(jsonLines(result)).toEqual([
      { type: 'bucket', name: 'media', createdAt: null },
      { type: 'bucket', name: 'other', createdAt: null },
    ]);
  });

  it('ends with 4 for a prefix that nothing has, and with 0 for an empty bucket', async () => {
    expect(await cli('ls media/nothing/')).toMatchObject({ code: 4, stdout: '' });
    expect(await cli('ls other')).toMatchObject({ code: 0, stdout: '' });
  });

  it('writes control characters of a key as escapes for people, and exactly for programs', async () => {
    const key = 'odd/\u202egnp.exe';
    await r2.uploadFile({ bucket: 'other', key, body: 'x' });
    expect((await cli('ls other -r')).stdout).toContain('odd/\\u202egnp.exe');
    expect(jsonLines(await cli('ls other -r --json'))[0]).toMatchObject({ key });
    await r2.deleteFile({ bucket: 'other', key });
  });

  it('asks for no more pages when its reader has gone', async () => {
    const faulty = await startFaultServer();
    let page = 0;
    faulty.answer((response, request) => {
      const keys = Array.from({ length: 5 }, () => `<Contents><Key>a/${page}</Key><Size>1</Size></Contents>`).join('');
      const next = `<IsTruncated>true</IsTruncated><NextContinuationToken>${(page += 1)}</NextContinuationToken>`;
      status(200, `<ListBucketResult><Name>media</Name>${next}${keys}</ListBucketResult>`)(response, request);
    });
    const world = { env: { ...env, R2_ENDPOINT: faulty.endpoint }, closeAfterLines: 7 };
    const { code, stdout } = await cli('ls media -r', world);
    expect([code, stdout.trimEnd().split('\n').length, faulty.seen.length]).toEqual([0, 7, 2]);
    await faulty.stop();
  });
});

describe('du', () => {
  it('adds up per folder, largest first', async () => {
    const { code, stdout } = await cli('du media/creator1/');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^1\.8 MiB {2}17 {2}creator1\/hls\/$/),
      expect.stringMatching(/^2\.0 KiB {3}1 {2}creator1\/audio\/$/),
      expect.stringMatching(/^1\.8 MiB {2}18 {2}total$/),
      '',
    ]);
  });

  it('prints one document with --json', async () => {
    const [document] = jsonLines(await cli('du media --json'));
    expect(document).toMatchObject({
      bucket: 'media',
      prefix: '',
      folders: [
        { prefix: 'creator1/', objects: 18, storageClasses: { STANDARD: { objects: 18 } } },
        { prefix: 'creator10/', objects: 1, bytes: 2048 },
        { prefix: '', objects: 1, bytes: 2048 },
      ],
      total: { objects: 20 },
    });
  });
});

describe('rm', () => {
  it('deletes nothing without --yes, and says what it would delete', async () => {
    await seed('gone/', 25);
    const before = await keysOf('');
    const { code, stdout } = await cli('rm media --prefix gone/');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toHaveLength(23);
    expect(stdout).toContain(
      '... and 5 more objects\nDry run: 25 objects (25 B) would be deleted. Add --yes to delete.',
    );
    expect(await cli('rm media/gone/1 media/gone/none')).toMatchObject({
      code: 0,
      stdout: 'would delete gone/1\nnot there: gone/none\nDry run: 1 object would be deleted. Add --yes to delete.\n',
    });
    expect(await keysOf('')).toEqual(before);
    expect(server.count('DeleteObjects') + server.count('DeleteObject')).toBe(0);
  });

  it('deletes the prefix with --yes, and nothing beside it', async () => {
    const { code, stdout } = await cli('rm media --prefix gone/ --yes');
    expect([code, stdout]).toEqual([0, 'Deleted 25 objects.\n']);
    expect(await keysOf('gone/')).toEqual([]);
    expect(await keysOf('creator1')).toHaveLength(19);
  });

  it('deletes single keys with --yes', async () => {
    await seed('single/', 3);
    const result = await cli('rm media/single/0 media/single/2 --yes --json');
    expect(jsonLines(result)).toEqual([
      { bucket: 'media', prefix: null, dryRun: false, matched: 2, bytes: null, deleted: 2, failed: [] },
    ]);
    expect(await keysOf('single/')).toEqual(['single/1']);
  });

  it.each([
    ['an empty prefix', ['rm', 'media', '--prefix', '', '--yes'], '--allow-empty-prefix'],
    ['a prefix without an end', ['rm', 'media', '--prefix', 'creator1', '--yes'], '--allow-unterminated-prefix'],
    ['a key and a prefix', ['rm', 'media/creator1/', '--prefix', 'creator1/', '--yes'], 'bucket alone'],
    ['a bucket alone', ['rm', 'media', '--yes'], 'names no object'],
    ['keys of two buckets', ['rm', 'media/a', 'other/a', '--yes'], 'one bucket'],
  ])('refuses %s', async (_what, args, message) => {
    const { code, stderr } = await run(args, { env });
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(server.count()).toBe(0);
  });

  it('ends with 1 when keys could not be deleted, and names them', async () => {
    const faulty = await startFaultServer();
    const listed = ['kept/0', 'kept/1'].map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join('');
    const listing = `<ListBucketResult><Name>media</Name><KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>${listed}</ListBucketResult>`;
    const locked = '<Error><Key>kept/1</Key><Code>ObjectLockedByBucketPolicy</Code><Message>locked</Message></Error>';
    faulty.answer(
      status(200, listing),
      status(200, `<DeleteResult><Deleted><Key>kept/0</Key></Deleted>${locked}</DeleteResult>`),
    );
    const world = { env: { ...env, R2_ENDPOINT: faulty.endpoint } };
    const { code, stderr, stdout } = await cli('rm media --prefix kept/ --yes', world);
    expect([code, stdout]).toEqual([1, 'Deleted 1 object.\n']);
    expect(stderr).toBe('codex-r2: ObjectLockedByBucketPolicy: kept/1: locked\n');
    await faulty.stop();
  });
});

describe('sign', () => {
  it('signs a URL that works', async () => {
    const { code, stdout } = await cli(`sign media/readme.txt --expires 15m`);
    expect(code).toBe(0);
    expect(await (await fetch(stdout.trim())).text()).toHaveLength(2048);
  });

  it('says with --json when it expires', async () => {
    const now = Date.UTC(2026, 10, 27, 12);
    const [document] = jsonLines(await cli('sign r2://media/readme.txt --expires 7d --json', { now: () => now }));
    expect(document).toEqual({
      url: expect.stringContaining('X-Amz-Expires=604800') as string,
      bucket: 'media',
      key: 'readme.txt',
      expiresAt: '2026-12-04T12:00:00.000Z',
    });
  });

  it.each(['8d', '0', 'soon', '-5'])('refuses to sign for %s', async (time) => {
    expect((await run(['sign', 'media/a', `--expires=${time}`], { env })).code).toBe(2);
  });
});

describe('sign-hls', () => {
  it('prints one signed playlist, and says that it leads to others', async () => {
    const { code, stdout, stderr } = await cli(`sign-hls media/${FILM}master.m3u8`);
    expect([code, stdout]).toEqual([0, String(soundMedia(FILM).get(`${FILM}master.m3u8`)!.body)]);
    expect(stderr).toContain('3 playlists, not signed here');
    const media = await cli(`sign-hls media/${FILM}720p/index.m3u8 --prefix ${FILM}`);
    expect([media.code, media.stderr]).toEqual([0, '']);
    const urls = media.stdout.match(/http[^"\s]+/g)!;
    expect(urls).toHaveLength(5);
    for (const url of urls) expect((await fetch(url, { method: 'GET' })).status).toBe(200);
  });

  it('writes all playlists with --output, which lie to one another as the objects do', async () => {
    const output = join(folder, 'signed');
    const result = await cli(`sign-hls media/${FILM}master.m3u8 --output ${output} --expires 1h --json`, {
      now: () => Date.UTC(2026, 10, 27),
    });
    const names = ['master.m3u8', 'audio/index.m3u8', '720p/index.m3u8', '360p/index.m3u8'];
    expect(jsonLines(result)).toEqual([
      {
        bucket: 'media',
        key: `${FILM}master.m3u8`,
        expiresAt: expect.stringMatching(/Z$/) as string,
        output,
        playlists: names.map((name) => ({ key: FILM + name, file: `${output}/${name}` })),
      },
    ]);
    expect(readFileSync(join(output, '360p/index.m3u8'), 'utf8').match(/X-Amz-Expires=3600/g)).toHaveLength(5);
  });

  it('refuses a playlist whose key is out of the prefix, and ends with 4 when there is none', async () => {
    expect((await cli(`sign-hls media/${FILM}720p/index.m3u8`)).code).toBe(1);
    expect((await cli(`sign-hls media/${FILM}master.m3u8 --prefix creator2/`)).code).toBe(2);
    expect((await cli('sign-hls media/creator1/none.m3u8')).code).toBe(4);
  });
});

describe('check-hls', () => {
  it('ends with 0 for a sound film', async () => {
    const { code, stdout } = await cli(`check-hls media/${FILM}master.m3u8`);
    expect([code, stdout]).toEqual([0, 'OK: 4 playlists, 13 objects, 1.8 MiB\n']);
  });

  it('ends with 1 and names what is wrong, also as JSON', async () => {
    for (const [key, { body, contentType }] of soundMedia('broken/')) {
      if (key !== 'broken/720p/seg-1.m4s') await r2.uploadFile({ bucket: BUCKET, key, body, contentType });
    }
    const { code, stdout } = await cli('check-hls media/broken/master.m3u8');
    expect(code).toBe(1);
    expect(stdout).toBe(
      'broken/720p/index.m3u8\n' +
        '  error    missing  line 10: broken/720p/seg-1.m4s: segment does not exist\n\n' +
        '1 error, 0 warnings: 4 playlists, 13 objects, 1.5 MiB\n',
    );
    const [document] = jsonLines(await cli('check-hls media/broken/master.m3u8 --json'));
    expect(document).toEqual({
      bucket: 'media',
      playlist: 'broken/master.m3u8',
      ok: false,
      playlists: 4,
      objects: 13,
      bytes: expect.any(Number) as number,
      unchecked: 0,
      findings: [expect.objectContaining({ code: 'missing', severity: 'error', line: 10 }) as object],
    });
    expect((await cli('check-hls media/broken/master.m3u8 --ignore missing')).code).toBe(0);
  });

  it('ends with 4 when there is no such playlist', async () => {
    expect((await cli('check-hls media/none/master.m3u8')).code).toBe(4);
  });
});

describe('lifecycle', () => {
  const rules = [{ id: 'previews', prefix: 'previews/', expireAfterDays: 30 }];

  it('goes round: get, diff, apply, get', async () => {
    const path = file('rules.json', rules);
    const diff = await cli(`lifecycle diff media ${path}`);
    expect([diff.code, diff.stdout]).toEqual([
      1,
      '+ previews: previews/: delete after 30 days\nWould write: 1 added, 0 changed, 0 removed, 1 as they were.\n',
    ]);
    expect(server.count('PutBucketLifecycleConfiguration')).toBe(0);
    expect((await cli(`lifecycle apply media ${path}`)).code).toBe(0);
    expect((await cli(`lifecycle diff media ${path}`)).code).toBe(0);
    const got = await cli('lifecycle get media --json');
    writeFileSync(join(folder, 'got.json'), got.stdout);
    const again = await cli(`lifecycle diff media ${join(folder, 'got.json')} --replace`);
    expect([again.code, again.stdout]).toEqual([0, 'Nothing differs: 2 rules.\n']);
    expect((await cli('lifecycle get media')).stdout).toContain('previews/: delete after 30 days');
  });

  it('warns when the rule that aborts uploads goes', async () => {
    const { stderr } = await cli('lifecycle diff media - --replace', { stdin: JSON.stringify(rules) });
    expect(stderr).toContain('no rule aborts unfinished uploads');
  });

  it.each([
    ['no JSON', '{'],
    ['no rules', '{"a":1}'],
    ['a rule that R2 does not take', '[{"id":"x","expireAfterDays":0}]'],
  ])('refuses %s', async (_what, stdin) => {
    const { code } = await cli('lifecycle apply media -', { stdin });
    expect([code, server.count('PutBucketLifecycleConfiguration')]).toEqual([2, 0]);
  });

  it('refuses a file that is not there', async () => {
    expect((await cli('lifecycle apply media /nowhere/rules.json')).code).toBe(2);
  });
});

describe('cors', () => {
  const rules = [
    {
      id: 'app',
      allowedOrigins: ['https://app.example'],
      allowedMethods: ['GET', 'PUT'],
      allowedHeaders: ['content-type'],
    },
  ];

  it('applies a file, and says nothing differs the second time', async () => {
    const path = file('cors.json', { rules });
    expect((await cli(`cors apply media ${path} --dry-run`)).stdout).toContain('Would write: 1 added');
    expect(server.count('PutBucketCors')).toBe(0);
    expect((await cli(`cors apply media ${path}`)).stdout).toContain('Written: 1 added');
    expect((await cli(`cors apply media ${path}`)).stdout).toBe('Nothing differs: 1 rules.\n');
    expect((await cli('cors get media')).stdout).toBe('app: GET PUT from https://app.example; headers content-type\n');
    const [document] = jsonLines(await cli('cors get media --json'));
    expect(document).toMatchObject({ bucket: 'media', rules: [{ id: 'app' }] });
  });
});

describe('cors check', () => {
  const origin = 'https://studio.example';

  it('ends with 1 and says what is missing, and with 0 once the rules of `cors rules` are applied', async () => {
    const before = await cli(`cors check other --origin ${origin} --uppy 5`);
    expect([before.code, before.stdout]).toEqual([1, expect.stringContaining(`${origin} cannot upload to other.\n`)]);
    const rules = await cli(`cors rules --origin ${origin} --uppy 5 --read`);
    expect((await cli('cors apply other -', { stdin: rules.stdout })).code).toBe(0);
    const after = await cli(`cors check other --origin ${origin} --uppy 5 --json`);
    expect([after.code, jsonLines(after)]).toEqual([
      0,
      [{ bucket: 'other', origin, uppy: '5', ok: true, problems: expect.any(Array) as unknown[] }],
    ]);
  });
});

describe('replicate', () => {
  const film = `media/${FILM}`;

  it('changes nothing in a dry run', async () => {
    const { code, stdout } = await cli(`replicate ${film} other/film/ --dry-run`);
    expect([code, stdout]).toEqual([
      0,
      'Source: 17 objects, 1.8 MiB\nWould copy 17 objects, 1.8 MiB; 0 objects unchanged\n',
    ]);
    expect(await keysOf('film/', 'other')).toEqual([]);
  });

  it('copies, verifies, and reports one document with --json', async () => {
    const result = await cli(`replicate ${film} other/film/ --verify --json`);
    expect(jsonLines(result)).toEqual([
      expect.objectContaining({
        from: film,
        to: 'other/film/',
        complete: true,
        copied: { objects: 17, bytes: expect.any(Number) as number },
        failures: [],
        verification: expect.objectContaining({ missing: 0, different: 0, extraneous: 0 }) as object,
      }),
    ]);
    expect(await keysOf('film/', 'other')).toHaveLength(17);
  });

  it('deletes what only the destination has with --delete alone', async () => {
    await r2.uploadFile({ bucket: 'other', key: 'film/more.txt', body: 'x' });
    expect((await cli(`replicate ${film} other/film/`)).stdout).toContain(
      '1 object only at the destination; 0 deleted',
    );
    expect((await cli(`replicate ${film} other/film/ --delete`)).stdout).toContain('1 deleted');
    expect(await keysOf('film/', 'other')).toHaveLength(17);
  });

  it('ends with 1 when something could not be copied, and goes on from its checkpoint', async () => {
    const path = join(folder, 'checkpoint.json');
    await r2.deletePrefix({ bucket: 'other', prefix: 'film/' });
    server.fault(
      ({ operation, key }) => operation === 'CopyObject' && key === 'film/key.bin',
      { status: 403, code: 'AccessDenied' },
      20,
    );
    const first = await cli(`replicate ${film} other/film/ --checkpoint ${path}`);
    expect([first.code, await keysOf('film/', 'other')]).toEqual([1, expect.not.arrayContaining(['film/key.bin'])]);
    expect(first.stderr).toContain('key.bin');
    server.reset();
    expect((await cli(`replicate ${film} other/film/ --checkpoint ${path}`)).code).toBe(0);
    expect(await keysOf('film/', 'other')).toHaveLength(17);
  });

  it('reaches a second account by variables with another prefix', async () => {
    const both = { ...env, ...envOf(server, 'TARGET_') };
    const { code } = await cli('replicate media/creator10/ other/ten/ --to-env TARGET_', { env: both });
    expect([code, await keysOf('ten/', 'other')]).toEqual([0, ['ten/notes.txt']]);
  });
});

describe('an interruption', () => {
  const interrupt = (): { signal: AbortSignal; now: () => number; abort: () => void } => {
    const controller = new AbortController();
    return { signal: controller.signal, now: Date.now, abort: () => controller.abort(new Error('SIGINT')) };
  };

  it('ends a deletion with 130, and what is left is whole', async () => {
    await seed('slow/', 10);
    const { signal, abort } = interrupt();
    server.fault(({ operation }) => operation === 'DeleteObjects', { until: new Promise(() => undefined) });
    const deleting = cli('rm media --prefix slow/ --yes', { signal });
    await until(() => server.count('DeleteObjects') > 0);
    abort();
    const { code, stdout, stderr } = await deleting;
    expect([code, stdout, stderr]).toEqual([130, '', 'codex-r2: INTERRUPTED: Interrupted.\n']);
    expect(await keysOf('slow/')).toHaveLength(10);
  });

  it('ends a replication with 130, leaves no upload behind, and a checkpoint to go on from', async () => {
    const path = join(folder, 'interrupted.json');
    const { signal, abort } = interrupt();
    server.fault(({ operation, key }) => operation === 'CopyObject' && key === 'again/key.bin', {
      until: new Promise(() => undefined),
    });
    const pending = server.pending('other').length;
    const copying = cli(`replicate media/${FILM} other/again/ --checkpoint ${path}`, { signal });
    await until(() => server.seen.filter(({ operation }) => operation === 'CopyObject').length > 10);
    abort();
    expect((await copying).code).toBe(130);
    expect(server.pending('other')).toHaveLength(pending);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ done: false });
    server.reset();
    expect((await cli(`replicate media/${FILM} other/again/ --checkpoint ${path}`)).code).toBe(0);
    expect(await keysOf('again/', 'other')).toHaveLength(17);
  });

  it('before the first request sends none', async () => {
    const { signal, abort } = interrupt();
    abort();
    for (const args of ['ls media', 'du media', 'rm media/readme.txt --yes', `check-hls media/${FILM}master.m3u8`]) {
      expect((await cli(args, { signal })).code).toBe(130);
    }
    expect(server.count()).toBe(0);
  });
});

describe('progress', () => {
  it('is shown on a terminal, on the standard error alone, and taken away', async () => {
    const { stdout, stderr } = await cli('du media', { columns: 60 });
    expect(stderr.replaceAll('\r\u001b[2K', '<clear>')).toMatch(/^<clear>Listing media\/ {2}\d+<clear>$/);
    expect(stdout).not.toContain('\u001b');
  });

  it.each(['--json', '--no-progress'])('is not shown with %s', async (flag) => {
    expect((await cli(`du media ${flag}`, { columns: 60 })).stderr).toBe('');
  });
});

describe('uploads', () => {
  const begin = (key: string): Promise<string> =>
    internalsOf(r2)
      .storeOf(BUCKET)
      .createUpload({ bucket: BUCKET, key, headers: { contentType: 'video/mp4', metadata: {} } });
  const inDays = (days: number): CliWorld => ({ now: () => Date.now() + days * 86_400_000 });

  beforeAll(async () => {
    for (const key of ['up/a', 'up/b', 'up/c', 'else/d', 'up/e']) await begin(key);
  });

  it('lists all pages under a prefix', async () => {
    const lines = jsonLines(await cli('uploads ls media/up/ --json'));
    expect(lines).toHaveLength(5);
    expect(lines[0]).toEqual({
      type: 'upload',
      key: 'up/a',
      uploadId: expect.any(String) as string,
      initiated: expect.stringMatching(/Z$/) as string,
    });
    expect(lines[4]).toEqual({ type: 'summary', bucket: 'media', prefix: 'up/', uploads: 4 });
  });

  it('aborts nothing without --yes, nothing that is too young, and nothing beside the prefix', async () => {
    expect((await cli('uploads abort media/up/ --older-than 7d', inDays(8))).stdout).toContain(
      'Dry run: 4 uploads would be aborted. Add --yes to abort.',
    );
    expect((await cli('uploads abort media/up/ --older-than 7d --yes', inDays(6))).stdout).toBe('Aborted 0 uploads.\n');
    expect(server.pending(BUCKET)).toHaveLength(5);
    const result = await cli('uploads abort media/up/ --older-than 7d --yes --json', inDays(8));
    expect(jsonLines(result)).toEqual([expect.objectContaining({ dryRun: false, matched: 4, aborted: 4, failed: [] })]);
    expect(server.pending(BUCKET).map(({ key }) => key)).toEqual(['else/d']);
  });

  it('aborts none whose beginning the server does not say, unless all are meant', async () => {
    const answer = `<ListMultipartUploadsResult><Bucket>media</Bucket><Upload><Key>now\u009b2J</Key><UploadId>1</UploadId></Upload><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>`;
    const aborted: string[] = [];
    const silent = createServer((request, response) => {
      if (request.method === 'DELETE') aborted.push(request.url ?? '');
      response.writeHead(request.method === 'DELETE' ? 403 : 200).end(request.method === 'DELETE' ? '' : answer);
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const env = { ...envOf(server), R2_ENDPOINT: `http://127.0.0.1:${port}` };
    try {
      expect((await cli('uploads abort media --older-than 7d --yes', { env })).stdout).toBe('Aborted 0 uploads.\n');
      expect(aborted).toEqual([]);
      const { code, stderr } = await cli('uploads abort media --older-than 0s --yes', { env });
      expect([code, aborted.length]).toEqual([1, 1]);
      expect(stderr).toContain('now\\u009b2J');
      expect(stderr).not.toContain('\u009b');
    } finally {
      silent.close();
    }
  });

  it('ends with a listing that repeats itself', async () => {
    const again =
      '<ListMultipartUploadsResult><Bucket>media</Bucket><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker></ListMultipartUploadsResult>';
    const stuck = createServer((_request, response) => response.end(again));
    await new Promise<void>((resolve) => stuck.listen(0, '127.0.0.1', resolve));
    const { port } = stuck.address() as AddressInfo;
    const env = { ...envOf(server), R2_ENDPOINT: `http://127.0.0.1:${port}` };
    const { code, stderr } = await cli('uploads abort media --older-than 7d --yes', { env });
    stuck.close();
    expect([code, stderr.includes('repeats a page')]).toEqual([1, true]);
  });

  it('wants to know how old', async () => {
    expect((await cli('uploads abort media --yes')).code).toBe(2);
  });
});

describe('every command', () => {
  it('ends with 3 and one line when access is denied', async () => {
    const { code, stdout, stderr } = await cli('ls media', {
      env: { ...env, R2_SECRET_ACCESS_KEY: 'wrong-secret-access-key' },
    });
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^codex-r2: R2_ACCESS_DENIED: .*media.*\n$/);
  });

  it('ends with 4 when there is no such bucket', async () => {
    expect((await cli('du no-such-bucket')).code).toBe(4);
  });

  it('shows a stack with --debug alone', async () => {
    expect((await cli('du no-such-bucket')).stderr).not.toContain('    at ');
    expect((await cli('du no-such-bucket --debug')).stderr).toContain('    at ');
  });

  it('reports an error as JSON with --json', async () => {
    const { stdout, stderr } = await cli('du no-such-bucket --json');
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'R2_NO_SUCH_BUCKET', message: expect.stringContaining('no-such-bucket') as string },
    });
  });

  it('never writes a secret', () => {
    expect(written.length).toBeGreaterThan(60);
    for (const text of written) {
      expect(text).not.toContain(server.config.secretAccessKey);
      expect(text).not.toContain('wrong-secret-access-key');
    }
  });
});

it('keeps the fixture honest: the film of these tests is what was uploaded', async () => {
  expect(await keysOf(FILM)).toEqual([...soundMedia(FILM).keys()].sort());
  expect(readFileSync(join(folder, 'rules.json'), 'utf8')).toContain('previews');
});
