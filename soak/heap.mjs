import { performance } from 'node:perf_hooks';
import WebSocket from 'ws';

const EVERY_MS = 500;
const ANSWER_MS = 5_000;
/** workerd answers when the isolate is free. */
const STALE_MS = 20_000;
const BYTES_A_MIB = 2 ** 20;

/**
 * Watches the heap of a Worker's isolate by workerd's inspector. The memory of the process says little of a Worker: with it run the stand-ins
 * for KV, D1 and R2, and a bare Worker that only reads a key grows the process by 10 to 25 kB a request.
 *
 * @param miniflare one that was started with an inspector.
 * @param name of the Worker.
 * @returns `mib()`, the newest reading of what is in use (objects, what the runtime holds for them, buffers), `NaN` when there was none for 20 s; `close()`.
 */
export async function openHeap(miniflare, name) {
  const url = new URL(await miniflare.getInspectorURL());
  const socket = new WebSocket(new URL(`/core:user:${name}`, url.href.replace(/^http/, 'ws')));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  let newest = await usage(socket, 0);
  let readAt = performance.now();
  let count = 0;
  let isClosed = false;
  let timer;
  const read = async () => {
    await usage(socket, (count += 1)).then(
      (mib) => ([newest, readAt] = [mib, performance.now()]),
      () => undefined,
    );
    if (!isClosed) timer = setTimeout(read, EVERY_MS);
  };
  timer = setTimeout(read, EVERY_MS);
  return {
    mib: () => (performance.now() - readAt < STALE_MS ? newest : NaN),
    close() {
      isClosed = true;
      clearTimeout(timer);
      socket.close();
    },
  };
}

function usage(socket, id) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(reject, new Error('The inspector did not answer.')), ANSWER_MS);
    const onMessage = (text) => {
      const { id: of, result } = JSON.parse(text);
      if (of !== id) return;
      const bytes = result.usedSize + (result.embedderHeapUsedSize ?? 0) + (result.backingStorageSize ?? 0);
      end(resolve, bytes / BYTES_A_MIB);
    };
    const end = (settle, value) => {
      clearTimeout(timer);
      socket.off('message', onMessage);
      settle(value);
    };
    socket.on('message', onMessage);
    socket.send(JSON.stringify({ id, method: 'Runtime.getHeapUsage' }));
  });
}
