/**
 * Passwords and tokens, hashed as `examples/worker/src/password.ts` does, so that both sign in the same users: `{salt}:{hash}` in hexadecimal, PBKDF2
 * with SHA-256. This one runs in Node as well, for `vite dev`.
 */

/** The bound of workerd on PBKDF2. A production app would take Argon2 in WebAssembly or an identity provider. */
const ITERATIONS = 100_000;
const SALT_BYTES = 16;
const HASH_BITS = 256;

/** What no password hashes to; compared with when there is no such user, so that the answer takes as long. */
export const NO_HASH = `${'0'.repeat(SALT_BYTES * 2)}:${'0'.repeat(HASH_BITS / 4)}`;

/** Hashes a password under a salt of its own. */
export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  return `${toHex(salt)}:${toHex(await derive(password, salt))}`;
}

/** Whether a password is the one that was hashed; takes the same time for every wrong one. */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const [salt = '', hash = ''] = stored.split(':');
  return isEqual(await derive(password, fromHex(salt)), fromHex(hash));
}

/** A session token: 256 random bits. */
export function newToken(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(32)));
}

/** The SHA-256 of a session token: who can read the database cannot take over sessions. */
export async function hashToken(token: string): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))));
}

async function derive(password: string, salt: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(password), 'PBKDF2', false, ['deriveBits']);
  const settings = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: ITERATIONS };
  return new Uint8Array(await crypto.subtle.deriveBits(settings, key, HASH_BITS));
}

/** Looks at every byte, whichever differs. */
function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  if (left.byteLength !== right.byteLength) return false;
  let difference = 0;
  left.forEach((byte, index) => (difference |= byte ^ (right[index] ?? 0)));
  return difference === 0;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
