const MIB = 1024 * 1024;
/** R2's bounds on a part that is not the last. */
const MIN_PART_BYTES = 5 * MIB;
const MAX_PART_BYTES = 5 * 1024 * MIB;
const MAX_PARTS = 10_000;
/** What common tools cut by, the most common first: this package and the AWS CLI, the SDK, rclone, Uppy, S3 consoles. */
const COMMON_MIB = [8, 5, 16, 64, 10, 15, 20, 25, 32, 50, 100, 128, 256, 512, 1024];

/**
 * A part size that cuts `size` bytes into `parts` parts, all but the last of one size: what the object was most likely cut by, so
 * that a copy that is cut alike gets the same tag. Without one that R2 takes: 8 MiB, or more where that makes too many.
 *
 * @param size of the object in bytes.
 * @param parts `null` for an object that was stored in one go.
 */
export function partSizeOf(size: number, parts: number | null): number {
  if (parts === null || parts > MAX_PARTS) return defaultPartSize(size);
  const least = Math.max(Math.ceil(size / parts), 1);
  if (parts === 1) return least <= MAX_PART_BYTES ? least : defaultPartSize(size);
  const lowest = Math.max(least, MIN_PART_BYTES);
  const highest = Math.min(Math.ceil(size / (parts - 1)) - 1, MAX_PART_BYTES);
  if (highest < lowest) return defaultPartSize(size);
  const common = COMMON_MIB.map((mib) => mib * MIB).find((bytes) => bytes >= lowest && bytes <= highest);
  if (common !== undefined) return common;
  const round = Math.ceil(lowest / MIB) * MIB;
  return round <= highest ? round : lowest;
}

function defaultPartSize(size: number): number {
  return Math.max(8 * MIB, Math.ceil(size / MAX_PARTS));
}
