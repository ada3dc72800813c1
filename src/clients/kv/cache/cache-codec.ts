/** What a codec makes of a value. */
export interface EncodedValue {
  /** What KV stores, at most 25 MiB in UTF-8. */
  readonly text: string;
  /**
   * Names how `text` was made, at most 40 characters; kept in the entry's metadata and handed to `decode`. The empty string
   * is plain JSON, and that of entries which something else wrote.
   */
  readonly format: string;
}

/** What a codec is told beside the value. */
export interface CodecContext {
  /** The cache key. An encrypting codec binds the text to it, so that entries cannot be swapped. */
  readonly key: string;
}

/**
 * Turns values into text for KV and back. A codec holds no state of a request: one serves a whole isolate.
 */
export interface CacheCodec {
  /**
   * Encodes a value.
   *
   * @throws {CloudflareClientError} `INVALID_VALUE` for what it cannot give back as it was. The message names the place and
   *   the kind, never the value.
   */
  encode(value: unknown, context: CodecContext): EncodedValue | Promise<EncodedValue>;
  /**
   * Decodes a text of one of its own formats.
   *
   * @throws anything for another format or a damaged text: the entry then counts as `corrupt`.
   */
  decode(encoded: EncodedValue, context: CodecContext): unknown;
}
