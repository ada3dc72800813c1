/** What `check-hls` can find. The set is closed and its names are stable: scripts select and ignore by them. */
export const FINDING_CODES = [
  'missing',
  'not-a-playlist',
  'playlist-too-large',
  'mixed-playlist',
  'wrong-kind',
  'empty-playlist',
  'no-target-duration',
  'no-duration',
  'segment-too-long',
  'no-endlist',
  'no-map',
  'no-key-uri',
  'key-size',
  'no-bandwidth',
  'bandwidth-too-low',
  'unknown-group',
  'duration-mismatch',
  'outside-prefix',
  'foreign-uri',
  'invalid-uri',
  'empty-object',
  'oversized',
  'range-beyond-end',
  'content-type',
] as const;

/** The name of one kind of finding. */
export type FindingCode = (typeof FINDING_CODES)[number];

/** `error`: a player stops or shows the wrong thing. `warning`: some players do, or nobody can tell from here. */
export type FindingSeverity = 'error' | 'warning';

/** One thing that is wrong with a rendition. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: FindingSeverity;
  /** Key of the object that is wrong; the URI as it is written when it names none. */
  readonly key: string;
  /** Key of the playlist that says so; `null` for the first playlist itself. */
  readonly playlist: string | null;
  /** Line of that playlist, from 1; `null` when it is about the whole of it. */
  readonly line: number | null;
  readonly message: string;
}
