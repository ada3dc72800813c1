import { forEachLimited } from '../concurrency.js';
import { checkObjects } from './check-objects.js';
import { checkPlaylist, ofPlaylist } from './check-playlist.js';
import { betterContentType } from './content-type-rules.js';
import type { Finding, FindingCode } from './finding.js';
import type { HlsObject, HlsStore } from './hls-store.js';
import { playlistFacts, type PlaylistFacts } from './playlist-facts.js';
import type { PlaylistUri } from './playlist-uris.js';
import { targetOf } from './uri-target.js';

/** What to check, and how hard. */
export interface HlsCheckOptions {
  /** Key of the first playlist: a multivariant one, or a media playlist alone. */
  readonly key: string;
  /** What every key must begin with; ends in `/`, or is empty for the whole bucket. */
  readonly prefix: string;
  /** Requests at a time. */
  readonly concurrency: number;
  /** Bytes above which a segment is a finding. */
  readonly maxSegmentBytes: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { readonly done: number; readonly total: number | null }) => void;
}

/** What was looked at, and what is wrong with it. */
export interface HlsReport {
  readonly findings: readonly Finding[];
  readonly playlists: number;
  /** Objects that are no playlists: segments, initializations, keys, and what else a playlist names. */
  readonly objects: number;
  /** Bytes of playlists and objects, as far as the server tells. */
  readonly bytes: number;
  /** URIs that lead out of the bucket and were not looked at. */
  readonly unchecked: number;
  /** Whether the first playlist exists at all. */
  readonly found: boolean;
}

/** A place that names an object. */
export interface Reference {
  readonly key: string;
  readonly tag: string;
  readonly playlist: string;
  readonly line: number;
}

/** A playlist that was read. */
export interface WalkedPlaylist {
  readonly key: string;
  readonly facts: PlaylistFacts;
  /** Targets of its URIs by line. */
  readonly targets: ReadonlyMap<number, string>;
}

/** Bytes of a playlist above which it is not read: nine hours of one-second segments stay well below. */
const MAX_PLAYLIST_BYTES = 16 * 1024 * 1024;

const PLAYLIST_TAGS: readonly string[] = [
  'EXT-X-STREAM-INF',
  'EXT-X-MEDIA',
  'EXT-X-I-FRAME-STREAM-INF',
  'EXT-X-IMAGE-STREAM-INF',
  'EXT-X-RENDITION-REPORT',
];
/** What is asked of an application, what may not exist yet, and what is no part of the media. */
const UNCHECKED_TAGS: readonly string[] = [
  'EXT-X-CONTENT-STEERING',
  'EXT-X-DATERANGE',
  'EXT-X-PRELOAD-HINT',
  'EXT-X-PREFETCH',
];
const KEY_TAGS: readonly string[] = ['EXT-X-KEY', 'EXT-X-SESSION-KEY', 'EXT-X-SESSION-DATA'];

/** Walks from a playlist to everything that it names, and looks at all of it once. */
export async function checkHls(store: HlsStore, options: HlsCheckOptions): Promise<HlsReport> {
  const walk = new HlsWalk(store, options);
  await walk.playlists();
  return walk.report(await checkObjects(store, options, walk));
}

class HlsWalk {
  readonly walked: WalkedPlaylist[] = [];
  /** Objects that are no playlists, each with the first place that names it. */
  readonly references = new Map<string, Reference>();
  readonly #store: HlsStore;
  readonly #options: HlsCheckOptions;
  readonly #findings: Finding[] = [];
  readonly #seen = new Set<string>();
  #playlists = 0;
  #bytes = 0;
  #unchecked = 0;
  #found = true;

  constructor(store: HlsStore, options: HlsCheckOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Reads the playlists, level by level. */
  async playlists(): Promise<void> {
    const { key, concurrency, signal, onProgress } = this.#options;
    this.#seen.add(key);
    let level: { key: string; reference: Reference | null }[] = [{ key, reference: null }];
    while (level.length > 0) {
      const next: Reference[] = [];
      await forEachLimited(level, concurrency, signal, async (entry) => {
        next.push(...(await this.#playlist(entry.key, entry.reference)));
        onProgress({ done: this.#playlists, total: null });
      });
      level = next.map((reference) => ({ key: reference.key, reference }));
    }
  }

  report({ findings, bytes }: { findings: readonly Finding[]; bytes: number }): HlsReport {
    return {
      findings: [...this.#findings, ...findings].sort(byPlace),
      playlists: this.#playlists,
      objects: this.references.size,
      bytes: this.#bytes + bytes,
      unchecked: this.#unchecked,
      found: this.#found,
    };
  }

  /** Reads one playlist; answers with the playlists that it names for the first time. */
  async #playlist(key: string, reference: Reference | null): Promise<Reference[]> {
    const answer = await this.#store.read(key, MAX_PLAYLIST_BYTES);
    if (answer === null) {
      if (reference === null) this.#found = false;
      this.#find(placeOf(key, reference), 'missing', 'playlist does not exist');
      return [];
    }
    this.#playlists += 1;
    this.#bytes += answer.size ?? 0;
    this.#checkType(key, answer, reference);
    if (answer.text === null) {
      this.#find(placeOf(key, reference), 'playlist-too-large', `playlist is larger than ${MAX_PLAYLIST_BYTES} bytes`);
      return [];
    }
    const facts = playlistFacts(answer.text);
    if (facts === null || !(facts.isMaster || facts.isMedia)) {
      this.#find(placeOf(key, reference), 'not-a-playlist', whyNoPlaylist(answer.text));
      return [];
    }
    this.#findings.push(...ofPlaylist(checkPlaylist(facts), key, reference?.playlist ?? null));
    if (reference !== null && facts.isMaster) {
      this.#find(placeOf(key, reference), 'wrong-kind', 'is a multivariant playlist, where a media playlist belongs');
    }
    return this.#follow(key, facts);
  }

  #follow(key: string, facts: PlaylistFacts): Reference[] {
    const targets = new Map<number, string>();
    const playlists: Reference[] = [];
    const gaps = new Set(facts.segments.filter(({ isGap }) => isGap).map(({ line }) => line));
    for (const uri of facts.uris) {
      const target = gaps.has(uri.line) ? null : this.#target(uri, key);
      if (target === null) continue;
      targets.set(uri.line, target);
      const reference = { key: target, tag: uri.tag, playlist: key, line: uri.line };
      if (!PLAYLIST_TAGS.includes(uri.tag)) {
        if (!this.references.has(target)) this.references.set(target, reference);
      } else if (!this.#seen.has(target)) {
        this.#seen.add(target);
        playlists.push(reference);
      }
    }
    this.walked.push({ key, facts, targets });
    return playlists;
  }

  /** The key that a URI means; `null` when it is not to be looked at, with a finding when that is wrong. */
  #target({ uri, tag, line }: PlaylistUri, playlist: string): string | null {
    const target = targetOf(uri, playlist, this.#options.prefix);
    if (target.kind === 'object' && !UNCHECKED_TAGS.includes(tag)) return target.key;
    this.#unchecked += 1;
    const place = { key: 'key' in target ? target.key : uri, tag, playlist, line };
    if (target.kind === 'outside') {
      this.#find(place, 'outside-prefix', `${tag} leaves the prefix "${this.#options.prefix}"`);
    }
    if (target.kind === 'invalid') this.#find(place, 'invalid-uri', `${tag} has a URI that names no object`);
    if (target.kind === 'foreign' && !UNCHECKED_TAGS.includes(tag) && !KEY_TAGS.includes(tag)) {
      this.#find(place, 'foreign-uri', `${tag} leads to another host, which was not looked at`, 'warning');
    }
    return null;
  }

  #checkType(key: string, { contentType }: HlsObject, reference: Reference | null): void {
    const better = betterContentType(key, contentType);
    if (better !== null)
      this.#find(placeOf(key, reference), 'content-type', `has the type ${contentType}, not ${better}`);
  }

  #find(place: Place, code: FindingCode, message: string, severity: Finding['severity'] = 'error'): void {
    const { key, playlist, line } = place;
    this.#findings.push({ code, severity, key, playlist, line, message });
  }
}

/** What a finding is about, and where it is named. */
type Place = Pick<Finding, 'key' | 'playlist' | 'line'>;

function placeOf(key: string, reference: Reference | null): Place {
  return { key, playlist: reference?.playlist ?? null, line: reference?.line ?? null };
}

function whyNoPlaylist(text: string): string {
  if (text.trim() === '') return 'is empty';
  return text.replace(/^\uFEFF/, '').startsWith('#EXTM3U')
    ? 'begins like a playlist and holds no tag of one'
    : 'does not begin with #EXTM3U';
}

function byPlace(a: Finding, b: Finding): number {
  const [placeOfA, placeOfB] = [a.playlist ?? '', b.playlist ?? ''];
  if (placeOfA !== placeOfB) return placeOfA < placeOfB ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0);
}
