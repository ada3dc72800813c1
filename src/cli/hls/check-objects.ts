import { forEachLimited } from '../concurrency.js';
import type { HlsCheckOptions, Reference, WalkedPlaylist } from './check-hls.js';
import { peakBitrate } from './check-playlist.js';
import { betterContentType } from './content-type-rules.js';
import type { Finding } from './finding.js';
import type { HlsObject, HlsStore } from './hls-store.js';
import { byteRangeOf, numberOf } from './playlist-facts.js';

/** What the walk through the playlists left to look at. */
export interface Walked {
  readonly walked: readonly WalkedPlaylist[];
  readonly references: ReadonlyMap<string, Reference>;
}

/** Bytes of an AES-128 key. */
const KEY_BYTES = 16;
/** A BANDWIDTH below the measured peak by less than this is taken for a rounding of the packager. */
const BANDWIDTH_TOLERANCE = 1.1;

/** Looks at every object that is no playlist, and at what their sizes say about the playlists. */
export async function checkObjects(
  store: HlsStore,
  options: HlsCheckOptions,
  { walked, references }: Walked,
): Promise<{ findings: Finding[]; bytes: number }> {
  const { concurrency, signal, onProgress } = options;
  const objects = new Map<string, HlsObject>();
  const findings: Finding[] = [];
  let done = 0;
  await forEachLimited(references.values(), concurrency, signal, async (reference) => {
    const object = await store.head(reference.key);
    if (object !== null) objects.set(reference.key, object);
    findings.push(...checkObject(reference, object, options.maxSegmentBytes));
    done += 1;
    onProgress({ done, total: references.size });
  });
  for (const playlist of walked) {
    findings.push(...checkKeySizes(playlist, objects), ...checkRanges(playlist, objects));
    findings.push(...checkVariants(playlist, walked, objects));
  }
  const bytes = [...objects.values()].reduce((sum, { size }) => sum + (size ?? 0), 0);
  return { findings, bytes };
}

function checkObject(reference: Reference, object: HlsObject | null, maxSegmentBytes: number): Finding[] {
  const { tag, key } = reference;
  if (object === null) return [finding(reference, 'missing', `${nameOf(tag)} does not exist`)];
  const findings: Finding[] = [];
  const { size, contentType } = object;
  if (size === 0) findings.push(finding(reference, 'empty-object', `${nameOf(tag)} is empty`));
  if (size !== null && size > maxSegmentBytes) {
    const message = `${nameOf(tag)} has ${size} bytes, above ${maxSegmentBytes}`;
    findings.push({ ...finding(reference, 'oversized', message), severity: 'warning' });
  }
  const better = betterContentType(key, contentType);
  if (better !== null) findings.push(finding(reference, 'content-type', `has the type ${contentType}, not ${better}`));
  return findings;
}

function nameOf(tag: string): string {
  return tag === 'EXTINF' ? 'segment' : `object of ${tag}`;
}

/** AES-128 takes sixteen bytes; a key stored as text, or with an end of line, decrypts nothing. */
function checkKeySizes(
  { key: playlist, facts, targets }: WalkedPlaylist,
  objects: ReadonlyMap<string, HlsObject>,
): Finding[] {
  const reported = new Set<string>();
  return facts.tags.flatMap(({ name, attributes, line }) => {
    const key = targets.get(line) ?? '';
    const size = objects.get(key)?.size;
    const isAes = name === 'EXT-X-KEY' && attributes.get('METHOD') === 'AES-128';
    if (!isAes || size === undefined || size === null || size === KEY_BYTES || size === 0 || reported.has(key))
      return [];
    reported.add(key);
    return [
      finding({ key, tag: name, playlist, line }, 'key-size', `key has ${size} bytes; AES-128 takes ${KEY_BYTES}`),
    ];
  });
}

function checkRanges(
  { key: playlist, facts, targets }: WalkedPlaylist,
  objects: ReadonlyMap<string, HlsObject>,
): Finding[] {
  const maps = facts.tags
    .filter(({ name }) => name === 'EXT-X-MAP')
    .map(({ attributes, line }) => ({ line, byteRange: byteRangeOf(attributes.get('BYTERANGE') ?? '', 0) }));
  return [...facts.segments, ...maps].flatMap(({ line, byteRange }) => {
    const key = targets.get(line) ?? '';
    const size = objects.get(key)?.size;
    if (byteRange === null || size === undefined || size === null || size === 0) return [];
    const end = byteRange.offset + byteRange.length;
    if (end <= size) return [];
    const message = `bytes up to ${end} are asked for, and the object has ${size}`;
    return [finding({ key, tag: '', playlist, line }, 'range-beyond-end', message)];
  });
}

/** What the variants of a master hold against what it says of them, and against one another. */
function checkVariants(
  master: WalkedPlaylist,
  walked: readonly WalkedPlaylist[],
  objects: ReadonlyMap<string, HlsObject>,
): Finding[] {
  const variants = master.facts.variants.flatMap(({ attributes, line }) => {
    const playlist = walked.find(({ key }) => key === master.targets.get(line));
    return playlist === undefined ? [] : [{ attributes, line, playlist }];
  });
  const findings = variants.flatMap(({ attributes, line, playlist }) => {
    const bandwidth = numberOf(attributes.get('BANDWIDTH'));
    const peak = peakOf(playlist, objects);
    if (bandwidth === null || peak === null || peak <= bandwidth * BANDWIDTH_TOLERANCE) return [];
    const message = `BANDWIDTH is ${bandwidth}, and the segments reach ${Math.round(peak)} bits per second`;
    return [warning({ key: playlist.key, tag: '', playlist: master.key, line }, 'bandwidth-too-low', message)];
  });
  return [...findings, ...checkLengths(master.key, variants)];
}

function checkLengths(
  master: string,
  variants: readonly { readonly line: number; readonly playlist: WalkedPlaylist }[],
): Finding[] {
  const finished = variants.filter(({ playlist }) => playlist.facts.hasEndlist);
  const [first] = finished;
  if (first === undefined) return [];
  const expected = secondsOf(first.playlist);
  const tolerance = first.playlist.facts.targetDurationSeconds ?? 0;
  return finished.flatMap(({ line, playlist }) => {
    const seconds = secondsOf(playlist);
    if (Math.abs(seconds - expected) <= Math.max(tolerance, 1)) return [];
    const message = `lasts ${seconds.toFixed(1)} s, and the first variant ${expected.toFixed(1)} s`;
    return [warning({ key: playlist.key, tag: '', playlist: master, line }, 'duration-mismatch', message)];
  });
}

function secondsOf({ facts }: WalkedPlaylist): number {
  return facts.segments.reduce((sum, { durationSeconds }) => sum + (durationSeconds ?? 0), 0);
}

/** `null` as soon as one size or duration is unknown: a guess is worse than nothing. */
function peakOf({ facts, targets }: WalkedPlaylist, objects: ReadonlyMap<string, HlsObject>): number | null {
  const { segments, targetDurationSeconds } = facts;
  if (targetDurationSeconds === null) return null;
  const measured = segments.flatMap(({ line, byteRange, durationSeconds }) => {
    const bytes = byteRange?.length ?? objects.get(targets.get(line) ?? '')?.size ?? null;
    return bytes === null || durationSeconds === null ? [] : [{ bytes, seconds: durationSeconds }];
  });
  return measured.length === segments.length ? peakBitrate(measured, targetDurationSeconds) : null;
}

function finding({ key, playlist, line }: Reference, code: Finding['code'], message: string): Finding {
  return { code, severity: 'error', key, playlist, line, message };
}

function warning(reference: Reference, code: Finding['code'], message: string): Finding {
  return { ...finding(reference, code, message), severity: 'warning' };
}
