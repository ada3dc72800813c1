import { hmacKeyOf } from '../clients/kv/session/peppers.js';
import { CloudflareClientError } from '../errors.js';
import { sha256, toHex } from '../internal/sha256.js';

const MIN_PEPPER_LENGTH = 16;

/** Hashes keys that are secrets, or hold some, so that what goes by the hash shows none. */
export class KeyDigest {
  readonly #pepper: string | undefined;

  /**
   * Makes no hash yet: at module scope Workers do no such work.
   *
   * @param pepper the key of HMAC-SHA-256, at least 16 characters; without one it is SHA-256.
   * @throws {CloudflareClientError} `INVALID_OPTION`, which never holds the pepper.
   */
  constructor(pepper: string | undefined) {
    if (pepper !== undefined && (typeof pepper !== 'string' || pepper.length < MIN_PEPPER_LENGTH)) {
      const message = `Option pepper is refused: give a secret of at least ${MIN_PEPPER_LENGTH} characters.`;
      throw new CloudflareClientError('INVALID_OPTION', message);
    }
    this.#pepper = pepper;
  }

  /** The hash of a key, as 64 hexadecimal digits. */
  async of(key: string): Promise<string> {
    if (this.#pepper === undefined) return sha256(key);
    return toHex(await crypto.subtle.sign('HMAC', await hmacKeyOf(this.#pepper), new TextEncoder().encode(key)));
  }
}
