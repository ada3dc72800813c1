import { CloudflareClientError } from '../../../errors.js';
import { bytesOfHex, isMd5 } from './md5.js';

const MD5_BYTES = 16;
const MD5_BASE64 = /^[A-Za-z0-9+/]{22}==$/;

/**
 * An MD5 that the caller gave.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function md5Option(md5: string | Uint8Array | undefined): Uint8Array | undefined {
  if (md5 === undefined) return undefined;
  if (ArrayBuffer.isView(md5) && md5.byteLength === MD5_BYTES) return Uint8Array.from(md5);
  if (typeof md5 === 'string' && isMd5(md5.toLowerCase())) return bytesOfHex(md5.toLowerCase());
  if (typeof md5 === 'string' && MD5_BASE64.test(md5)) {
    return Uint8Array.from(atob(md5), (character) => character.charCodeAt(0));
  }
  throw new CloudflareClientError(
    'INVALID_OPTION',
    'md5 must be 32 hexadecimal digits, 24 characters of base64, or 16 bytes.',
  );
}
