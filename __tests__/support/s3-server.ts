import type { Readable } from 'node:stream';
import { Miniflare } from 'miniflare';
import type { R2BucketLike } from '../../src/clients/r2/store/r2-bucket.js';

/** What a test S3 server is started with. */
export interface S3ServerOptions {
  /** Names of the buckets that exist. */
  readonly buckets: readonly string[];
}

/** A real S3 server: Miniflare's R2 behind its S3 endpoint. It verifies signatures and keeps R2's rules. */
export interface S3Server {
  /** Base URL with the path under which S3 is served. */
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Ready for `new R2Client(config)`. */
  readonly config: {
    readonly accountId: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly endpoint: string;
  };
  /** A bucket as it is bound in a Worker: the same objects, without S3. */
  binding(bucket: string): Promise<R2BucketLike>;
  stop(): Promise<void>;
}

const CREDENTIALS = { accessKeyId: 'test'.padEnd(32, '0'), secretAccessKey: 'test-secret-access-key' } as const;
const S3_PATH = '/cdn-cgi/local/r2/s3';

/** Starts a server on a free port of 127.0.0.1; its objects live in memory until `stop`. */
export async function startS3Server(options: S3ServerOptions): Promise<S3Server> {
  const miniflare = new Miniflare({
    modules: true,
    script: 'export default { fetch: () => new Response(null, { status: 404 }) }',
    compatibilityDate: '2026-07-30',
    host: '127.0.0.1',
    port: 0,
    // The server tells of each connection that a test cuts.
    handleRuntimeStdio(stdout: Readable, stderr: Readable) {
      stdout.resume();
      stderr.resume();
    },
    r2Buckets: Object.fromEntries(
      options.buckets.map((id, index) => [`BUCKET_${index}`, { id, s3Credentials: { ...CREDENTIALS } }]),
    ),
  });
  const endpoint = new URL(S3_PATH, await miniflare.ready).href;
  return {
    endpoint,
    credentials: CREDENTIALS,
    config: { accountId: 'a'.repeat(32), ...CREDENTIALS, endpoint },
    binding: (bucket) => miniflare.getR2Bucket(`BUCKET_${options.buckets.indexOf(bucket)}`),
    stop: () => miniflare.dispose(),
  };
}
