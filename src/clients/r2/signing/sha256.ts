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

class Sha256 {
  readonly #constants = Int32Array.from(ROUND_CONSTANTS);
  readonly #schedule = new Int32Array(ROUND_CONSTANTS.length);
  readonly #encoder = new TextEncoder();
  readonly #kept = new Uint8Array(KEPT_BUFFER_BYTES);
  readonly #empty: HashStart = { state: Int32Array.from(INITIAL_STATE), bytes: 0 };

  digest(message: Uint8Array | string, start: HashStart = this.#empty): Int32Array {
    const buffer = this.#bufferFor(message.length * (typeof message === 'string' ? 3 : 1));
    let length = message.length;
    if (typeof message === 'string') length = this.#encoder.encodeInto(message, buffer).written;
    else buffer.set(message);
    const state = start.state.slice();
    this.#absorb(state, buffer, pad(buffer, length, start.bytes + length));
    return state;
  }

  afterBlock(block: Uint8Array): HashStart {
    const state = this.#empty.state.slice();
    this.#absorb(state, block, BLOCK_BYTES);
    return { state, bytes: BLOCK_BYTES };
  }

  #bufferFor(bytes: number): Uint8Array {
    const padded = bytes + PADDING_BYTES;
    return padded <= KEPT_BUFFER_BYTES ? this.#kept : new Uint8Array(padded);
  }

  #absorb(state: Int32Array, bytes: Uint8Array, length: number): void {
    for (let offset = 0; offset < length; offset += BLOCK_BYTES) {
      fillSchedule(this.#schedule, bytes, offset);
      compress(state, this.#schedule, this.#constants);
    }
  }
}

let hasher: Sha256 | undefined;

/**
 * The digest of a message, as eight words. It is copied: this is made for messages of some kilobytes.
 *
 * @param message text is taken as UTF-8.
 * @param start what was hashed before; the digest is that of both.
 */
export function sha256(message: Uint8Array | string, start?: HashStart): Int32Array {
  return (hasher ??= new Sha256()).digest(message, start);
}

/** The hash that has taken one block of 64 bytes. */
export function hashAfterBlock(block: Uint8Array): HashStart {
  return (hasher ??= new Sha256()).afterBlock(block);
}

/** A digest in lower-case hexadecimal: 64 characters. */
export function digestToHex(digest: Int32Array): string {
  let hex = '';
  for (const word of digest) hex += (word >>> 0).toString(16).padStart(8, '0');
  return hex;
}

/** A digest as its 32 bytes. */
export function digestToBytes(digest: Int32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(digest.length * 4);
  digest.forEach((word, index) => writeWord(bytes, index * 4, word));
  return bytes;
}

/** Writes the padding behind a message; answers with the length of both, whole blocks. */
function pad(buffer: Uint8Array, length: number, totalBytes: number): number {
  const end = Math.ceil((length + 1 + LENGTH_BYTES) / BLOCK_BYTES) * BLOCK_BYTES;
  buffer[length] = 0x80;
  buffer.fill(0, length + 1, end);
  writeWord(buffer, end - LENGTH_BYTES, Math.floor(totalBytes / 2 ** 29));
  writeWord(buffer, end - LENGTH_BYTES / 2, totalBytes << 3);
  return end;
}

function writeWord(bytes: Uint8Array, offset: number, word: number): void {
  bytes[offset] = word >>> 24;
  bytes[offset + 1] = word >>> 16;
  bytes[offset + 2] = word >>> 8;
  bytes[offset + 3] = word;
}

function readWord(bytes: Uint8Array, offset: number): number {
  return (
    (at(bytes, offset) << 24) | (at(bytes, offset + 1) << 16) | (at(bytes, offset + 2) << 8) | at(bytes, offset + 3)
  );
}

function at(words: Uint8Array | Int32Array, index: number): number {
  return words[index] ?? 0;
}

function rotate(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

/** The 64 words that the rounds take: those of the block, and what follows from them. */
function fillSchedule(schedule: Int32Array, bytes: Uint8Array, offset: number): void {
  for (let index = 0; index < 16; index += 1) schedule[index] = readWord(bytes, offset + index * 4);
  for (let index = 16; index < 64; index += 1) {
    const early = at(schedule, index - 15);
    const late = at(schedule, index - 2);
    schedule[index] =
      at(schedule, index - 16) +
      (rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3)) +
      at(schedule, index - 7) +
      (rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10));
  }
}

/** One block. Names as in the standard, section 6.2.2. */
function compress(state: Int32Array, schedule: Int32Array, constants: Int32Array): void {
  let a = at(state, 0);
  let b = at(state, 1);
  let c = at(state, 2);
  let d = at(state, 3);
  let e = at(state, 4);
  let f = at(state, 5);
  let g = at(state, 6);
  let h = at(state, 7);
  for (let round = 0; round < 64; round += 1) {
    const choice = (e & f) ^ (~e & g);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    const t1 = (h + sum1 + choice + at(constants, round) + at(schedule, round)) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + sum0 + majority) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, index) => {
    state[index] = at(state, index) + word;
  });
}
