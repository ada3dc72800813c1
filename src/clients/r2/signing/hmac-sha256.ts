import { digestToBytes, hashBlocks, sha256, type HashStart } from './sha256.js';

const BLOCK_BYTES = 64;

/**
 * HMAC-SHA256 (RFC 2104) under one key. What depends on the key alone is worked out once, which spares two of five blocks
 * of a short message; the key itself is not kept.
 */
export class HmacSha256 {
  readonly #inner: HashStart;
  readonly #outer: HashStart;

  /** Takes the key, of any length; text is taken as UTF-8. */
  constructor(key: Uint8Array | string) {
    const bytes = typeof key === 'string' ? new TextEncoder().encode(key) : key;
    const block = new Uint8Array(BLOCK_BYTES);
    block.set(bytes.length > BLOCK_BYTES ? digestToBytes(sha256(bytes)) : bytes);
    this.#inner = hashBlocks(block.map((byte) => byte ^ 0x36));
    this.#outer = hashBlocks(block.map((byte) => byte ^ 0x5c));
  }

  /** The code of a message, as eight words: `digestToHex`, `digestToBytes`. */
  digest(message: Uint8Array | string): Int32Array {
    return this.#finish(sha256(message, this.#inner));
  }

  /**
   * Takes what many messages begin with, once.
   *
   * @param beginning ASCII text.
   * @returns a function that answers with the code of the beginning and an ending.
   */
  beginningWith(beginning: string): (ending: string) => Int32Array {
    const whole = beginning.length - (beginning.length % BLOCK_BYTES);
    const start = hashBlocks(beginning.slice(0, whole), this.#inner);
    const rest = beginning.slice(whole);
    return (ending) => this.#finish(sha256(rest + ending, start));
  }

  #finish(inner: Int32Array): Int32Array {
    return sha256(digestToBytes(inner), this.#outer);
  }
}
