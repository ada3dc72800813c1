import { createServer } from 'node:net';

/** The only address that the platform listens on. */
export const HOST = '127.0.0.1';

/**
 * The first port of the candidates that nobody listens on; 0 stands for any.
 *
 * @throws {Error} when all are taken.
 */
export async function firstFreePort(candidates) {
  for (const candidate of candidates) {
    const port = await tryPort(candidate);
    if (port !== null) return port;
  }
  throw new Error(`Port ${candidates[0]} is taken by another program. Without --port a free one is taken.`);
}

function tryPort(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(null));
    probe.listen(port, HOST, () => {
      const { port: found } = probe.address();
      probe.close(() => resolve(found));
    });
  });
}
