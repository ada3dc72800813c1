import { playlistUris, type PlaylistUri } from './playlist-uris.js';

/** A segment as its playlist describes it. */
export interface SegmentFacts {
  readonly uri: string;
  readonly line: number;
  /** Seconds; `null` when there is no readable EXTINF. */
  readonly durationSeconds: number | null;
  readonly byteRange: { readonly offset: number; readonly length: number } | null;
  /** Marked with EXT-X-GAP: it need not exist. */
  readonly isGap: boolean;
  /** Whether an EXT-X-MAP stands before it. */
  readonly hasMap: boolean;
}

/** A line of a master playlist that leads to another one. */
export interface VariantFacts {
  readonly uri: string;
  readonly line: number;
  readonly attributes: Attributes;
}

/** A tag that carries attributes. */
export interface TagFacts {
  readonly name: string;
  readonly line: number;
  readonly attributes: Attributes;
}

/** Attributes of a tag by name, without quotes. */
export type Attributes = ReadonlyMap<string, string>;

/** What a playlist says about itself. Nothing is judged here. */
export interface PlaylistFacts {
  readonly isMaster: boolean;
  readonly isMedia: boolean;
  readonly uris: readonly PlaylistUri[];
  readonly variants: readonly VariantFacts[];
  readonly segments: readonly SegmentFacts[];
  readonly tags: readonly TagFacts[];
  /** Seconds; `null` when it is missing or no number. */
  readonly targetDurationSeconds: number | null;
  readonly hasEndlist: boolean;
  readonly isIframesOnly: boolean;
}

const MASTER_TAGS: readonly string[] = ['EXT-X-STREAM-INF', 'EXT-X-MEDIA', 'EXT-X-I-FRAME-STREAM-INF'];
const MEDIA_TAGS: readonly string[] = ['EXTINF', 'EXT-X-TARGETDURATION', 'EXT-X-MEDIA-SEQUENCE', 'EXT-X-PART'];
const TAG = /^#(EXT[A-Z0-9-]*)(?::(.*))?$/s;
const ATTRIBUTE = /([A-Z0-9-]+)=("[^"]*"|[^",]*)/g;

/** Reads a playlist; `null` when it does not begin with `#EXTM3U`, as every playlist must. */
export function playlistFacts(text: string): PlaylistFacts | null {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  if (!/^#EXTM3U\s*$/.test(lines[0] ?? '')) return null;
  const scan = new PlaylistScan();
  lines.forEach((line, index) => {
    scan.read(line.trim(), index + 1);
  });
  return scan.facts(playlistUris(text));
}

/** What the tags before a URI say about it. */
interface Pending {
  durationSeconds: number | null;
  byteRange: string | null;
  isGap: boolean;
  variant: Attributes | null;
}

/** Goes through the lines and remembers what holds until the next URI. */
class PlaylistScan {
  readonly #tags: TagFacts[] = [];
  readonly #segments: SegmentFacts[] = [];
  readonly #variants: VariantFacts[] = [];
  readonly #values = new Map<string, string>();
  #pending: Pending = nothingPending();
  #hasMap = false;
  #rangeEnd = 0;

  read(line: string, number: number): void {
    const [, name, value = ''] = TAG.exec(line) ?? [];
    if (name !== undefined) this.#tag(name, value, number);
    else if (line !== '' && !line.startsWith('#')) this.#uri(line, number);
  }

  facts(uris: readonly PlaylistUri[]): PlaylistFacts {
    const has = (name: string): boolean => this.#values.has(name);
    const byLine = new Map(uris.map(({ line, uri }) => [line, uri]));
    const withUri = <T extends { uri: string; line: number }>(entry: T): T => ({
      ...entry,
      uri: byLine.get(entry.line) ?? entry.uri,
    });
    return {
      isMaster: MASTER_TAGS.some(has),
      isMedia: MEDIA_TAGS.some(has),
      uris,
      variants: this.#variants.map(withUri),
      segments: this.#segments.map(withUri),
      tags: this.#tags,
      targetDurationSeconds: numberOf(this.#values.get('EXT-X-TARGETDURATION')),
      hasEndlist: has('EXT-X-ENDLIST'),
      isIframesOnly: has('EXT-X-I-FRAMES-ONLY'),
    };
  }

  #tag(name: string, value: string, line: number): void {
    const attributes = attributesOf(value);
    this.#values.set(name, value);
    this.#tags.push({ name, line, attributes });
    if (name === 'EXTINF') this.#pending.durationSeconds = numberOf(value.split(',', 1)[0]);
    if (name === 'EXT-X-BYTERANGE') this.#pending.byteRange = value;
    if (name === 'EXT-X-GAP') this.#pending.isGap = true;
    if (name === 'EXT-X-STREAM-INF') this.#pending.variant = attributes;
    if (name === 'EXT-X-MAP') this.#hasMap = true;
  }

  #uri(uri: string, line: number): void {
    const { durationSeconds, byteRange, isGap, variant } = this.#pending;
    this.#pending = nothingPending();
    if (variant !== null) {
      this.#variants.push({ uri, line, attributes: variant });
      return;
    }
    const range = byteRange === null ? null : byteRangeOf(byteRange, this.#rangeEnd);
    this.#rangeEnd = range === null ? 0 : range.offset + range.length;
    this.#segments.push({ uri, line, durationSeconds, byteRange: range, isGap, hasMap: this.#hasMap });
  }
}

/** The attributes of a tag's value; a value that has none gives an empty map. */
export function attributesOf(value: string): Attributes {
  return new Map(
    [...value.matchAll(ATTRIBUTE)].map(([, name = '', text = '']) => [name, text.replace(/^"|"$/g, '').trim()]),
  );
}

/** `length[@offset]`; without an offset it goes on where the last range ended. */
export function byteRangeOf(text: string, rangeEnd: number): { offset: number; length: number } | null {
  const [, length, offset] = /^(\d+)(?:@(\d+))?$/.exec(text.trim()) ?? [];
  if (length === undefined) return null;
  return { length: Number(length), offset: offset === undefined ? rangeEnd : Number(offset) };
}

/** A decimal number as HLS writes it; `null` for anything else. */
export function numberOf(text: string | undefined): number | null {
  return text !== undefined && /^\d+(?:\.\d*)?$/.test(text.trim()) ? Number(text) : null;
}

function nothingPending(): Pending {
  return { durationSeconds: null, byteRange: null, isGap: false, variant: null };
}
