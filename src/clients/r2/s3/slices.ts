/** What is handed to the network at a time; small enough that a slow line asks for the next within a timeout. */
export const SLICE_BYTES = 65_536;

/**
 * Bytes as a stream of slices: views of the same memory, nothing is copied.
 *
 * @param bytes not to be changed while they are read.
 * @param onProgress called each time the network asks for the next slice, with its bytes.
 */
export function inSlices(bytes: Uint8Array, onProgress: (bytes: number) => void): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const slice = bytes.subarray(offset, offset + SLICE_BYTES);
        onProgress(slice.byteLength);
        controller.enqueue(slice);
        offset += SLICE_BYTES;
        if (offset >= bytes.byteLength) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}
