/**
 * A 53-bit hash of a key (cyrb53): it groups events by key without showing the key. It is no protection for keys that can be guessed.
 *
 * @returns 14 hexadecimal digits.
 */
export function keyHash(key: string): string {
  let low = 0xdeadbeef;
  let high = 0x41c6ce57;
  for (let index = 0; index < key.length; index += 1) {
    const unit = key.charCodeAt(index);
    low = Math.imul(low ^ unit, 0x9e3779b1);
    high = Math.imul(high ^ unit, 0x5f356495);
  }
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  const bits = (high >>> 0) * 2 ** 21 + ((low >>> 0) >>> 11);
  return bits.toString(16).padStart(14, '0');
}
