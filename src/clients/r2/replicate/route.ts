import { CloudflareClientError } from '../../../errors.js';
import { checkOptions } from '../check-options.js';
import { checkBucket, checkPrefix } from '../object-names.js';
import type { R2Client } from '../r2-client.js';
import { internalsOf, type R2Internals } from '../r2-internals.js';
import type { ObjectStore } from '../store/object-store.js';
import { S3Store } from '../store/s3-store.js';

/** Stands for the endpoint of a client with bindings alone. */
const BINDINGS = 'bindings';

/** One end of a replication. */
export interface ReplicationEnd {
  /** A client of the account, jurisdiction and credentials that the bucket is reached with. */
  readonly client: R2Client;
  /** Name of the bucket. */
  readonly bucket: string;
  /**
   * What the keys begin with; keys are the same at both ends but for it. Ends in `/`, or is empty.
   *
   * @default '' (the whole bucket)
   */
  readonly prefix?: string | undefined;
}

/** A checked end. */
export interface Place {
  readonly store: ObjectStore;
  readonly bucket: string;
  readonly prefix: string;
}

/** From where to where objects are copied, and how hard it is tried. */
export interface Route {
  readonly from: Place;
  readonly to: Place;
  /** Whether the server can copy by itself; a server that says no is believed. */
  readonly onServer: boolean;
  readonly maxAttempts: number;
  readonly wait: (milliseconds: number) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Checks both ends.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_PREFIX`, `INVALID_ARGUMENT`
 */
export function routeOf(from: ReplicationEnd, to: ReplicationEnd, signal?: AbortSignal): Route {
  const source = internalsOf(checkOptions(from, 'from').client);
  const destination = internalsOf(checkOptions(to, 'to').client);
  const places = { from: placeOf(from, source, 'from'), to: placeOf(to, destination, 'to') };
  const route = {
    ...places,
    onServer: canCopyOnServer(places, source, destination),
    maxAttempts: destination.options.maxAttempts,
    wait: destination.options.wait,
    signal,
  };
  refuseOverlap(route, [endpointOf(source), endpointOf(destination)]);
  return route;
}

function placeOf(end: ReplicationEnd, { storeOf }: R2Internals, name: string): Place {
  const { bucket, prefix = '' } = end;
  checkBucket(bucket, `${name}.bucket`);
  checkPrefix(prefix);
  if (prefix !== '' && !prefix.endsWith('/')) {
    throw new CloudflareClientError(
      'INVALID_PREFIX',
      `${name}.prefix ${JSON.stringify(prefix)} does not end in \`/\`, so it would also take what merely begins like it.`,
    );
  }
  return { store: storeOf(bucket), bucket, prefix };
}

/**
 * CopyObject works within one endpoint, for credentials that may read there and write here. Two clients with bindings may know two
 * buckets by one name, so between them only S3's stores can be trusted to mean the same.
 */
function canCopyOnServer(
  { from, to }: Pick<Route, 'from' | 'to'>,
  source: R2Internals,
  destination: R2Internals,
): boolean {
  if (source === destination) return true;
  if (!source.connection.hasCredentials || !destination.connection.hasCredentials) return false;
  const [one, other] = [source.connection.config, destination.connection.config];
  return (
    from.store instanceof S3Store &&
    to.store instanceof S3Store &&
    one.endpoint === other.endpoint &&
    one.accessKeyId === other.accessKeyId &&
    one.sessionToken === other.sessionToken
  );
}

/** Where a client reaches what it has no binding of; clients with bindings alone are of one Worker, and so of one place. */
export function endpointOf({ connection }: R2Internals): string {
  return connection.hasCredentials ? connection.config.endpoint : BINDINGS;
}

/**
 * What is copied into its own source is listed and copied again, without end, and what is deleted there is the source. A bucket that is
 * bound and one of that name behind an endpoint may be one and the same; only the same prefix does no harm then.
 */
function refuseOverlap({ from, to }: Route, endpoints: readonly [string, string]): void {
  if (from.bucket !== to.bucket) return;
  if (!from.prefix.startsWith(to.prefix) && !to.prefix.startsWith(from.prefix)) return;
  const isSame = endpoints[0] === endpoints[1];
  const maybeSame = endpoints.includes(BINDINGS) && from.prefix !== to.prefix;
  if (!isSame && !maybeSame) return;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `${from.bucket}/${from.prefix} and ${to.bucket}/${to.prefix} overlap; one of the prefixes must not begin with the other.`,
  );
}
