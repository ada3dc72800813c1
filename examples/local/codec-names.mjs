/**
 * The codecs of an initialization segment as RFC 6381 names them, for CODECS of a master playlist: `avc1.4d401f,mp4a.40.2`.
 *
 * @param bytes of an MP4 with H.264 and, perhaps, AAC.
 * @throws {Error} when there is no H.264 in it.
 */
export function codecNames(bytes) {
  const avcC = bytes.indexOf('avcC', 0, 'latin1');
  if (avcC === -1) throw new Error('There is no H.264 in the initialization segment.');
  // After the box's name: version, then profile, constraints and level (ISO/IEC 14496-15, 5.3.3.1.2).
  const video = `avc1.${bytes.subarray(avcC + 5, avcC + 8).toString('hex')}`;
  return bytes.includes('mp4a', 0, 'latin1') ? `${video},mp4a.40.2` : video;
}
