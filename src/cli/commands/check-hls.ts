import { Option, type Command } from 'commander';
import { counted, formatBytes, printable } from '../display.js';
import { EXIT, NotFoundError, UsageError } from '../exit-code.js';
import { checkHls, type HlsReport } from '../hls/check-hls.js';
import { hlsStoreOf } from '../hls/client-store.js';
import { FINDING_CODES, type Finding } from '../hls/finding.js';
import type { Invocation } from '../invocation.js';
import { parseBytes, parseInteger, parseObjectLocation, type Location } from '../values.js';

interface CheckHlsOptions {
  readonly prefix?: string;
  readonly concurrency: string;
  readonly maxSegmentSize: string;
  readonly ignore: readonly string[];
}

/** `check-hls`: walks from a playlist to everything that it names. */
export function addCheckHls(program: Command, call: Invocation): void {
  program
    .command('check-hls')
    .description('Walk from a playlist to variants, segments, keys and maps, and report what is missing or wrong.')
    .argument('<playlist>', 'bucket/key of the multivariant (master) playlist, or of a media playlist')
    .option('--prefix <prefix>', 'what every key must begin with (default: the folder of the playlist)')
    .option('--concurrency <n>', 'requests at a time, 1 to 64', '16')
    .option('--max-segment-size <size>', 'larger segments are a finding', '64m')
    .addOption(new Option('--ignore <codes...>', 'findings to leave out').choices(FINDING_CODES).default([]))
    .action(async (playlist: string, options: CheckHlsOptions) => {
      await run(call, parseObjectLocation(playlist), options);
    });
}

async function run(call: Invocation, { bucket, key }: Location, options: CheckHlsOptions): Promise<void> {
  const folder = options.prefix ?? key.slice(0, key.lastIndexOf('/') + 1);
  const prefix = folder === '' || folder.endsWith('/') ? folder : `${folder}/`;
  if (!key.startsWith(prefix))
    throw new UsageError(`The playlist does not begin with --prefix ${JSON.stringify(prefix)}.`);
  const progress = call.startProgress(`Checking ${printable(key)}`);
  const report = await checkHls(hlsStoreOf(call.client, bucket, call.signal), {
    key,
    prefix,
    concurrency: parseInteger(options.concurrency, '--concurrency', { min: 1, max: 64 }),
    maxSegmentBytes: parseBytes(options.maxSegmentSize, '--max-segment-size'),
    signal: call.signal,
    onProgress: ({ done, total }) => progress.update(done, total),
  });
  call.endProgress();
  if (!report.found) throw new NotFoundError(`There is no playlist ${bucket}/${key}.`);
  const findings = report.findings.filter(({ code }) => !options.ignore.includes(code));
  if (findings.length > 0) call.exitCode = EXIT.findings;
  show(call, { bucket, key }, { ...report, findings });
}

function show(call: Invocation, { bucket, key }: Location, report: HlsReport): void {
  const { findings, playlists, objects, bytes, unchecked } = report;
  call.emit({ bucket, playlist: key, ok: findings.length === 0, playlists, objects, bytes, unchecked, findings });
  for (const [place, group] of byPlaylist(findings)) {
    call.print(printable(place === '' ? key : place));
    for (const finding of group) call.print(`  ${lineOf(finding)}`);
  }
  if (findings.length > 0) call.print();
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const verdict =
    findings.length === 0 ? 'OK' : `${counted(errors, 'error')}, ${counted(findings.length - errors, 'warning')}`;
  const seen = `${counted(playlists, 'playlist')}, ${counted(objects, 'object')}, ${formatBytes(bytes)}`;
  const rest = unchecked === 0 ? '' : `; ${counted(unchecked, 'URI')} not checked`;
  call.print(`${verdict}: ${seen}${rest}`);
}

function byPlaylist(findings: readonly Finding[]): Map<string, Finding[]> {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const place = finding.playlist ?? '';
    groups.set(place, [...(groups.get(place) ?? []), finding]);
  }
  return groups;
}

function lineOf({ severity, code, key, playlist, line, message }: Finding): string {
  const place = line === null ? '' : `line ${line}: `;
  const subject = key === playlist || playlist === null ? '' : `${printable(key)}: `;
  return `${severity.padEnd(7)}  ${code}  ${place}${subject}${printable(message)}`;
}
