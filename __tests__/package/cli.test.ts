import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { R2Client } from '../../src/clients/r2/r2-client.js';
import { confirmDeletion, silence, startFaultServer, status, type FaultServer } from '../clients/r2/fault-server.js';
import { envOf } from '../cli/cli-harness.js';
import { soundMedia } from '../cli/hls-fixture.js';
import { startS3Server, type S3Server } from '../support/s3-server.js';

const root = join(__dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  bin: Record<string, string>;
  version: string;
};
const bin = join(root, manifest.bin['codex-r2']!);
let server: S3Server;

beforeAll(async () => {
  server = await startS3Server({ buckets: ['media'] });
  const r2 = new R2Client(server.config);
  for (const [key, { body, contentType }] of soundMedia('film/'))
    await r2.uploadFile({ bucket: 'media', key, body, contentType });
});

afterAll(() => server.stop());

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], env: Record<string, string> = envOf(server)): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [bin, ...args], { env: { PATH: process.env['PATH'], ...env } });
}

function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}

const cli = (...args: string[]): Promise<Ended> => ended(start(args));

async function asked(faulty: FaultServer, times: number): Promise<void> {
  while (faulty.seen.length < times) await new Promise((resolve) => setImmediate(resolve));
}

const LISTING = `<ListBucketResult><Name>media</Name><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated><Contents><Key>a/1</Key><Size>1</Size></Contents></ListBucketResult>`;

describe('the built codex-r2', () => {
  it('begins with what makes it a program', () => {
    expect(readFileSync(bin, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  it('tells its version', async () => {
    expect(await cli('--version')).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  it('works against a server, writes nothing to the standard error, and ends by itself', async () => {
    expect(await cli('check-hls', 'media/film/master.m3u8')).toEqual({
      code: 0,
      stdout: 'OK: 4 playlists, 13 objects, 1.8 MiB\n',
      stderr: '',
    });
    const { stdout, code } = await cli('ls', 'media', '--json');
    expect([
      code,
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { type: string }).type),
    ]).toEqual([0, ['prefix', 'summary']]);
  });

  it('reads the standard input as -', async () => {
    const child = start(['lifecycle', 'apply', 'media', '-']);
    child.stdin.end('{');
    expect(await ended(child)).toMatchObject({ code: 2, stderr: expect.stringContaining('- is not JSON') as string });
  });

  it('ends quietly when its reader goes', async () => {
    const faulty = await startFaultServer();
    let page = 0;
    faulty.answer((response, request) => {
      const next = `<IsTruncated>true</IsTruncated><NextContinuationToken>${(page += 1)}</NextContinuationToken>`;
      const keys = Array.from(
        { length: 1000 },
        (_, index) => `<Contents><Key>a/${page}/${index}</Key><Size>1</Size></Contents>`,
      );
      status(200, `<ListBucketResult><Name>media</Name>${next}${keys.join('')}</ListBucketResult>`)(response, request);
    });
    const child = start(['ls', 'media', '-r'], { ...envOf(server), R2_ENDPOINT: faulty.endpoint });
    child.stdout.once('data', () => child.stdout.destroy());
    const { code, stderr } = await ended(child);
    expect([code, stderr]).toEqual([0, '']);
    await faulty.stop();
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('on %s gives the request up and ends with %i', async (signal, code) => {
    const faulty = await startFaultServer();
    faulty.answer(status(200, LISTING), silence);
    const child = start(['rm', 'media', '--prefix', 'a/', '--yes'], { ...envOf(server), R2_ENDPOINT: faulty.endpoint });
    const end = ended(child);
    await asked(faulty, 2);
    child.kill(signal);
    expect(await end).toEqual({ code, stdout: '', stderr: 'codex-r2: INTERRUPTED: Interrupted.\n' });
    await faulty.stop();
  });

  it('deletes when nobody interrupts', async () => {
    const faulty = await startFaultServer();
    faulty.answer(status(200, LISTING), confirmDeletion);
    const child = start(['rm', 'media', '--prefix', 'a/', '--yes'], { ...envOf(server), R2_ENDPOINT: faulty.endpoint });
    expect(await ended(child)).toEqual({ code: 0, stdout: 'Deleted 1 object.\n', stderr: '' });
    await faulty.stop();
  });
});
