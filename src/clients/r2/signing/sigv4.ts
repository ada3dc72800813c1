import { HmacSha256 } from './hmac-sha256.js';
import { digestToBytes, digestToHex, sha256 } from './sha256.js';

/** Name of the algorithm, as it stands in requests. */
export const SIGV4_ALGORITHM = 'AWS4-HMAC-SHA256';

/** What a signing key is good for. */
export interface SigningScope {
  /** `YYYYMMDD`, in UTC. */
  readonly day: string;
  readonly region: string;
  readonly service: string;
}

/** The scope as it stands in requests. */
export function scopeText({ day, region, service }: SigningScope): string {
  return `${day}/${region}/${service}/aws4_request`;
}

/**
 * The key that signs all requests of one scope
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
 */
export function deriveSigningKey(secretAccessKey: string, { day, region, service }: SigningScope): HmacSha256 {
  let key = new HmacSha256(`AWS4${secretAccessKey}`);
  for (const part of [day, region, service, 'aws4_request']) key = new HmacSha256(digestToBytes(key.digest(part)));
  return key;
}

/** The start of each string to sign of one second, without the hash of the request that ends it. */
export function stringToSignStart(date: string, scope: SigningScope): string {
  return `${SIGV4_ALGORITHM}\n${date}\n${scopeText(scope)}\n`;
}

/**
 * Signs a canonical request.
 *
 * @param sign the signing key, begun with `stringToSignStart`.
 * @param canonicalRequest the request in SigV4's canonical form.
 */
export function signature(sign: (ending: string) => Int32Array, canonicalRequest: string): string {
  return digestToHex(sign(digestToHex(sha256(canonicalRequest))));
}

/** Escapes as SigV4 does: everything but letters, digits and `-._~`. */
export function escapeUri(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A key as the path of a URL: each segment escaped, the slashes kept. */
export function escapeKey(key: string): string {
  // Nearly every key of a media bucket is plain, and a test costs a tenth of the escaping.
  return /^[A-Za-z0-9/._~-]*$/.test(key) ? key : escapeUri(key).replaceAll('%2F', '/');
}
