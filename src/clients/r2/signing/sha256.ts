// SHA-256 (FIPS 180-4) without await and without a runtime's own crypto, so that signing is the same code, and the same
// cost, in Node and in workerd. Digests are eight 32-bit words; `digestToHex` and `digestToBytes` write them out.

const BLOCK_BYTES = 64;
const LENGTH_BYTES = 8;
/** The most that padding takes. */
const PADDING_BYTES = BLOCK_BYTES + LENGTH_BYTES;

/** The first 32 bits of the fractional parts of the square roots of the first eight primes. */
const INITIAL_STATE: readonly number[] = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
// prettier-ignore
const ROUND_CONSTANTS: readonly number[] = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/** A hash that has taken whole blocks, and can go on from there any number of times. */
export interface HashStart {
  readonly state: Int32Array;
  /** Bytes that it has taken. */
  readonly bytes: number;
}

/** Enough for the longest key, escaped, in the longest request that is signed. */
const KEPT_BUFFER_BYTES = 16_384;

/** A message in the making. */
class MessageBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Writes the padding behind the message; answers with the length of both, whole blocks. */
  pad(length: number, totalBytes: number): number {
    const end = Math.ceil((length + 1 + LENGTH_BYTES) / BLOCK_BYTES) * BLOCK_BYTES;
    this.bytes[length] = 0x80;
    this.bytes.fill(0, length + 1, end);
    this.view.setUint32(end - LENGTH_BYTES, totalBytes / 2 ** 29);
    this.view.setUint32(end - LENGTH_BYTES / 2, totalBytes << 3);
    return end;
  }
}

class Sha256 {
  readonly #constants = Int32Array.from(ROUND_CONSTANTS);
  readonly #schedule = new Int32Array(ROUND_CONSTANTS.length);
  readonly #encoder = new TextEncoder();
  readonly #kept = new MessageBuffer(KEPT_BUFFER_BYTES);
  readonly #empty: HashStart = { state: Int32Array.from(INITIAL_STATE), bytes: 0 };

  digest(message: Uint8Array | string, start: HashStart = this.#empty): Int32Array {
    const { buffer, length } = this.#take(message);
    return this.#absorb(start, buffer, buffer.pad(length, start.bytes + length));
  }

  blocks(message: Uint8Array | string, start: HashStart = this.#empty): HashStart {
    const { buffer, length } = this.#take(message);
    return { state: this.#absorb(start, buffer, length), bytes: start.bytes + length };
  }

  #take(message: Uint8Array | string): { readonly buffer: MessageBuffer; readonly length: number } {
    const room = message.length * (typeof message === 'string' ? 3 : 1) + PADDING_BYTES;
    const buffer = room <= KEPT_BUFFER_BYTES ? this.#kept : new MessageBuffer(room);
    if (typeof message === 'string') {
      return { buffer, length: this.#encoder.encodeInto(message, buffer.bytes).written };
    }
    buffer.bytes.set(message);
    return { buffer, length: message.length };
  }

  #absorb(start: HashStart, { view }: MessageBuffer, length: number): Int32Array {
    const state = start.state.slice();
    for (let offset = 0; offset < length; offset += BLOCK_BYTES) {
      fillSchedule(this.#schedule, view, offset);
      compress(state, this.#schedule, this.#constants);
    }
    return state;
  }
}

// Made on first use, for the whole isolate: a call leaves nothing in it that another one reads, and none is interrupted.
let hasher: Sha256 | undefined;
let hexBytes: readonly string[] | undefined;

/**
 * The digest of a message, as eight words. It is copied: this is made for messages of some kilobytes.
 *
 * @param message text is taken as UTF-8.
 * @param start what was hashed before; the digest is that of both.
 */
export function sha256(message: Uint8Array | string, start?: HashStart): Int32Array {
  return (hasher ??= new Sha256()).digest(message, start);
}

/** The hash that has taken whole blocks of 64 bytes, to go on from. */
export function hashBlocks(blocks: Uint8Array | string, start?: HashStart): HashStart {
  return (hasher ??= new Sha256()).blocks(blocks, start);
}

/** A digest in lower-case hexadecimal: 64 characters. */
export function digestToHex(digest: Int32Array): string {
  let hex = '';
  for (const word of digest) hex += hexByte(word >>> 24) + hexByte(word >>> 16) + hexByte(word >>> 8) + hexByte(word);
  return hex;
}

function hexByte(byte: number): string {
  hexBytes ??= Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'));
  return hexBytes[byte & 0xff] ?? '';
}

/** A digest as its 32 bytes. */
export function digestToBytes(digest: Int32Array): Uint8Array<ArrayBuffer> {
  // Without a DataView: the engine keeps so small an array on its own heap until one asks for its buffer.
  const bytes = new Uint8Array(digest.byteLength);
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = (digest[index >>> 2] ?? 0) >>> (24 - 8 * (index & 3));
  }
  return bytes;
}

// Names as in the standard, section 4.1.2. The shifts are literals, because engines make rotations of those alone.
const sum0 = (x: number): number => ((x >>> 2) | (x << 30)) ^ ((x >>> 13) | (x << 19)) ^ ((x >>> 22) | (x << 10));
const sum1 = (x: number): number => ((x >>> 6) | (x << 26)) ^ ((x >>> 11) | (x << 21)) ^ ((x >>> 25) | (x << 7));
const sigma0 = (x: number): number => ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
const sigma1 = (x: number): number => ((x >>> 17) | (x << 15)) ^ ((x >>> 19) | (x << 13)) ^ (x >>> 10);
const choice = (x: number, y: number, z: number): number => z ^ (x & (y ^ z));
const majority = (x: number, y: number, z: number): number => (x & y) ^ (z & (x ^ y));

/** The 64 words that the rounds take: those of the block, and what follows from them. */
function fillSchedule(schedule: Int32Array, message: DataView, offset: number): void {
  for (let t = 0; t < 16; t += 1) schedule[t] = message.getInt32(offset + t * 4);
  for (let t = 16; t < 64; t += 1) {
    const late = sigma1(schedule[t - 2] ?? 0) + (schedule[t - 7] ?? 0);
    // Cut to 32 bits here: the array would do it too, but from a floating-point number.
    schedule[t] = (late + sigma0(schedule[t - 15] ?? 0) + (schedule[t - 16] ?? 0)) | 0;
  }
}

/** One block. Names as in the standard, section 6.2.2. */
function compress(state: Int32Array, schedule: Int32Array, constants: Int32Array): void {
  let a = state[0] ?? 0;
  let b = state[1] ?? 0;
  let c = state[2] ?? 0;
  let d = state[3] ?? 0;
  let e = state[4] ?? 0;
  let f = state[5] ?? 0;
  let g = state[6] ?? 0;
  let h = state[7] ?? 0;
  for (let t = 0; t < 64; t += 1) {
    const t1 = (h + sum1(e) + choice(e, f, g) + (constants[t] ?? 0) + (schedule[t] ?? 0)) | 0;
    const t2 = (sum0(a) + majority(a, b, c)) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  addTo(state, [a, b, c, d, e, f, g, h]);
}

function addTo(state: Int32Array, words: readonly number[]): void {
  for (let index = 0; index < words.length; index += 1) state[index] = (state[index] ?? 0) + (words[index] ?? 0);
}
