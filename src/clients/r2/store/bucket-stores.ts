import { CloudflareClientError } from '../../../errors.js';
import type { R2Connection } from '../s3/r2-connection.js';
import { BindingStore } from './binding-store.js';
import type { ObjectStore } from './object-store.js';
import type { R2BucketLike } from './r2-bucket.js';
import { S3Store } from './s3-store.js';

/** The ways to the buckets of one client: by the binding where there is one, else over S3. */
export class BucketStores {
  readonly #bindings: Readonly<Record<string, R2BucketLike>>;
  readonly #connection: R2Connection;
  readonly #s3: S3Store;
  readonly #bound = new Map<string, BindingStore>();

  constructor(bindings: Readonly<Record<string, R2BucketLike>> | undefined, connection: R2Connection) {
    this.#bindings = bindings ?? {};
    this.#connection = connection;
    this.#s3 = new S3Store(connection);
  }

  /**
   * The way to the objects of a bucket.
   *
   * @throws {CloudflareClientError} `MISSING_BINDING` and `INVALID_BINDING` for a binding that is no bucket: it is looked at here,
   * when it is first used.
   */
  of(bucket: string): ObjectStore {
    const kept = this.#bound.get(bucket);
    if (kept !== undefined) return kept;
    const binding = this.#bindingOf(bucket);
    if (binding === undefined) return this.#s3;
    const store = new BindingStore(bucket, binding, this.#connection.options, {
      bound: (other) => this.#bindingOf(other),
      s3: this.#connection.hasCredentials ? this.#s3 : undefined,
    });
    this.#bound.set(bucket, store);
    return store;
  }

  #bindingOf(bucket: string): R2BucketLike | undefined {
    if (!Object.hasOwn(this.#bindings, bucket)) return undefined;
    const binding: unknown = this.#bindings[bucket];
    if (isBucket(binding)) return binding;
    const isMissing = binding === undefined || binding === null;
    throw new CloudflareClientError(
      isMissing ? 'MISSING_BINDING' : 'INVALID_BINDING',
      `R2 config: bindings["${bucket}"] is ${isMissing ? String(binding) : 'not an R2 bucket'}. Check "r2_buckets" in wrangler.jsonc: [{ "binding": "...", "bucket_name": "${bucket}" }].`,
    );
  }
}

/** An R2 bucket, told from a KV namespace by `createMultipartUpload`. */
function isBucket(value: unknown): value is R2BucketLike {
  if (typeof value !== 'object' || value === null) return false;
  return typeof (value as Partial<R2BucketLike>).createMultipartUpload === 'function';
}
