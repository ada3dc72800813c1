const BLOCK_BYTES = 64;
const SHIFTS: readonly number[] = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];

/** MD5 (RFC 1321) in plain JavaScript, for platforms that have none of their own. */
export class PlainMd5 {
  readonly #state = new Uint32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]);
  readonly #constants = Uint32Array.from({ length: 64 }, (_, index) => Math.abs(Math.sin(index + 1)) * 2 ** 32);
  readonly #block = new Uint8Array(BLOCK_BYTES);
  readonly #words = new Uint32Array(16);
  #filled = 0;
  #length = 0;

  /** Takes bytes; they may be changed afterwards. */
  update(bytes: Uint8Array): void {
    this.#length += bytes.byteLength;
    for (let offset = 0; offset < bytes.byteLength;) {
      const piece = bytes.subarray(offset, offset + BLOCK_BYTES - this.#filled);
      this.#block.set(piece, this.#filled);
      this.#filled += piece.byteLength;
      offset += piece.byteLength;
      if (this.#filled === BLOCK_BYTES) this.#mix();
    }
  }

  /** The 16 bytes; call it once. */
  digest(): Uint8Array {
    const bits = this.#length * 8;
    const padding = new Uint8Array(((119 - (this.#length % BLOCK_BYTES)) % BLOCK_BYTES) + 1 + 8);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.byteLength - 8, bits >>> 0, true);
    view.setUint32(padding.byteLength - 4, Math.floor(bits / 2 ** 32), true);
    this.update(padding);
    const digest = new DataView(new ArrayBuffer(16));
    this.#state.forEach((word, index) => digest.setUint32(index * 4, word, true));
    return new Uint8Array(digest.buffer);
  }

  /** Nothing to let go of. */
  abandon(): void {
    // Memory only.
  }

  #mix(): void {
    const view = new DataView(this.#block.buffer);
    for (let index = 0; index < 16; index += 1) this.#words[index] = view.getUint32(index * 4, true);
    let [a = 0, b = 0, c = 0, d = 0] = this.#state;
    for (let step = 0; step < 64; step += 1) {
      const [mixed, word] = round(step, b, c, d);
      const sum = (a + mixed + (this.#constants[step] ?? 0) + (this.#words[word] ?? 0)) | 0;
      const shift = SHIFTS[(step >> 4) * 4 + (step & 3)] ?? 0;
      [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
    }
    this.#state.set([a, b, c, d].map((word, index) => (this.#state[index] ?? 0) + word));
    this.#filled = 0;
  }
}

/** What a step mixes in, and which word of the block. */
function round(step: number, b: number, c: number, d: number): readonly [number, number] {
  if (step < 16) return [(b & c) | (~b & d), step];
  if (step < 32) return [(d & b) | (~d & c), (5 * step + 1) % 16];
  if (step < 48) return [b ^ c ^ d, (3 * step + 5) % 16];
  return [c ^ (b | ~d), (7 * step) % 16];
}
