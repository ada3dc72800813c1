/** What is known of an object without its content. */
export interface HlsObject {
  /** Bytes; `null` when the server does not say. */
  readonly size: number | null;
  readonly contentType: string;
}

/** A playlist as it is stored; `text` is `null` when it is larger than what was allowed. */
export interface HlsPlaylist extends HlsObject {
  readonly text: string | null;
}

/** The one thing that the walker needs of a bucket. */
export interface HlsStore {
  /** Reads a playlist of at most `maxBytes`; `null` when there is no such object. */
  read(key: string, maxBytes: number): Promise<HlsPlaylist | null>;
  /** Looks at an object; `null` when there is none. */
  head(key: string): Promise<HlsObject | null>;
}
