import { CloudflareClientError } from '../../errors.js';
import type { ResolvedR2Options } from './r2-config.js';
import type { R2Connection } from './s3/r2-connection.js';
import type { Presigner } from './signing/presigner.js';
import type { ObjectStore } from './store/object-store.js';

/** What the functions beside `R2Client` (replication, lifecycle, playlists) use of a client. */
export interface R2Internals {
  /** The account's S3 endpoint: signing, settings of buckets, and whatever has no binding. */
  readonly connection: R2Connection;
  readonly options: ResolvedR2Options;
  /** Signs URLs of the account's S3 endpoint. */
  readonly presigner: Presigner;
  /** The way to the objects of a bucket. */
  readonly storeOf: (bucket: string) => ObjectStore;
}

const internals = new WeakMap<object, R2Internals>();

/** Remembers what a client is made of. */
export function keepInternals(client: object, parts: R2Internals): void {
  internals.set(client, parts);
}

/**
 * What a client is made of.
 *
 * @throws {CloudflareClientError} `INVALID_ARGUMENT` for what is no `R2Client`, such as a mock.
 */
export function internalsOf(client: object): R2Internals {
  const parts = typeof client === 'object' ? internals.get(client) : undefined;
  if (parts !== undefined) return parts;
  throw new CloudflareClientError('INVALID_ARGUMENT', 'This needs an R2Client; what was given is none (a mock?).');
}
