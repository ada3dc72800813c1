import type { Finding, FindingCode, FindingSeverity } from './finding.js';
import type { PlaylistFacts, TagFacts, VariantFacts } from './playlist-facts.js';
import { numberOf } from './playlist-facts.js';

/** A finding about a line of a playlist, before it is known whose line it is. */
export interface LineFinding {
  readonly code: FindingCode;
  readonly severity: FindingSeverity;
  readonly line: number | null;
  readonly message: string;
}

/** Attributes of a variant that name a group of EXT-X-MEDIA (RFC 8216bis, 4.4.6.2). */
const GROUP_TYPES = ['AUDIO', 'VIDEO', 'SUBTITLES', 'CLOSED-CAPTIONS'] as const;

/** What a playlist gets wrong by its own account. */
export function checkPlaylist(facts: PlaylistFacts): LineFinding[] {
  if (facts.isMaster && facts.isMedia) {
    return [error('mixed-playlist', null, 'has tags of a multivariant and of a media playlist')];
  }
  return facts.isMaster ? checkMaster(facts) : checkMedia(facts);
}

function checkMaster(facts: PlaylistFacts): LineFinding[] {
  const findings = facts.variants.flatMap((variant) => checkVariant(variant, facts.tags));
  if (facts.variants.length === 0) findings.push(error('empty-playlist', null, 'names no variant'));
  return findings;
}

function checkVariant({ attributes, line }: VariantFacts, tags: readonly TagFacts[]): LineFinding[] {
  const findings: LineFinding[] = [];
  const bandwidth = numberOf(attributes.get('BANDWIDTH'));
  const average = numberOf(attributes.get('AVERAGE-BANDWIDTH'));
  if (bandwidth === null || bandwidth === 0) findings.push(error('no-bandwidth', line, 'variant has no BANDWIDTH'));
  if (bandwidth !== null && average !== null && average > bandwidth) {
    findings.push(warning('bandwidth-too-low', line, `AVERAGE-BANDWIDTH ${average} is above BANDWIDTH ${bandwidth}`));
  }
  for (const type of GROUP_TYPES) {
    const group = attributes.get(type);
    if (group === undefined || (type === 'CLOSED-CAPTIONS' && group === 'NONE') || hasGroup(tags, type, group))
      continue;
    findings.push(
      error('unknown-group', line, `variant names the ${type} group "${group}", and no EXT-X-MEDIA has it`),
    );
  }
  return findings;
}

function hasGroup(tags: readonly TagFacts[], type: string, group: string): boolean {
  return tags.some(
    ({ name, attributes }) =>
      name === 'EXT-X-MEDIA' && attributes.get('TYPE') === type && attributes.get('GROUP-ID') === group,
  );
}

function checkMedia(facts: PlaylistFacts): LineFinding[] {
  const { segments, targetDurationSeconds, hasEndlist } = facts;
  const findings = [...checkDurations(facts), ...checkKeys(facts), ...checkMaps(facts)];
  if (segments.length === 0) findings.push(error('empty-playlist', null, 'has no segment'));
  if (targetDurationSeconds === null) findings.push(error('no-target-duration', null, 'has no EXT-X-TARGETDURATION'));
  if (!hasEndlist) findings.push(warning('no-endlist', null, 'has no EXT-X-ENDLIST, so players take it for live'));
  return findings;
}

/** RFC 8216bis, 4.4.3.1: a duration, rounded to the nearest integer, must not be above the target. */
function checkDurations({ segments, targetDurationSeconds }: PlaylistFacts): LineFinding[] {
  return segments.flatMap(({ durationSeconds, line }) => {
    if (durationSeconds === null) return [error('no-duration', line, 'segment has no readable EXTINF')];
    if (targetDurationSeconds === null || Math.round(durationSeconds) <= targetDurationSeconds) return [];
    const message = `segment lasts ${durationSeconds} s, above the target duration of ${targetDurationSeconds} s`;
    return [error('segment-too-long', line, message)];
  });
}

function checkKeys({ tags }: PlaylistFacts): LineFinding[] {
  return tags.flatMap(({ name, attributes, line }) => {
    if (name !== 'EXT-X-KEY' || attributes.get('METHOD') === 'NONE' || attributes.has('URI')) return [];
    return [error('no-key-uri', line, `EXT-X-KEY has METHOD=${attributes.get('METHOD') ?? ''} and no URI`)];
  });
}

/** Fragmented MP4 cannot be decoded without the initialization that EXT-X-MAP names. */
function checkMaps({ segments }: PlaylistFacts): LineFinding[] {
  const first = segments.find(({ uri, hasMap }) => !hasMap && /\.(?:m4s|cmf[vat])(?:[?#]|$)/i.test(uri));
  if (first === undefined) return [];
  return [error('no-map', first.line, 'fragmented MP4 segment without an EXT-X-MAP before it')];
}

/**
 * The highest bit rate of a playlist as RFC 8216bis, 4.1 defines it: of any run of segments that lasts from half to one
 * and a half target durations.
 *
 * @param segments bytes and seconds of each, in order.
 * @returns bits per second; `null` when no run is that long.
 */
export function peakBitrate(
  segments: readonly { readonly bytes: number; readonly seconds: number }[],
  targetDurationSeconds: number,
): number | null {
  let peak: number | null = null;
  segments.forEach((_, start) => {
    let bytes = 0;
    let seconds = 0;
    for (const segment of segments.slice(start, start + MAX_RUN_SEGMENTS)) {
      bytes += segment.bytes;
      seconds += segment.seconds;
      if (seconds > targetDurationSeconds * 1.5) return;
      if (seconds >= targetDurationSeconds * 0.5) peak = Math.max(peak ?? 0, (bytes * 8) / seconds);
    }
  });
  return peak;
}

/** Bound on the segments of one run: with very short ones the exact answer would be a square of them. */
const MAX_RUN_SEGMENTS = 64;

/** Completes findings about lines with the playlist that they are about. */
export function ofPlaylist(findings: readonly LineFinding[], key: string, referrer: string | null): Finding[] {
  return findings.map((finding) => ({ ...finding, key, playlist: finding.line === null ? referrer : key }));
}

function error(code: FindingCode, line: number | null, message: string): LineFinding {
  return { code, severity: 'error', line, message };
}

function warning(code: FindingCode, line: number | null, message: string): LineFinding {
  return { code, severity: 'warning', line, message };
}
