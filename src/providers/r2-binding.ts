import type { R2BucketLike } from '../clients/r2/store/r2-bucket.js';
import type { BindingKind } from './provider.js';
import { checkBindingName, readBinding } from './provider.js';

/** An R2 bucket of this name. Told from a KV namespace, which has `get` and `put` as well, by `createMultipartUpload`. */
export function r2Bucket(bucketName: string): BindingKind<R2BucketLike> {
  return {
    description: 'bucket of R2',
    matches: (value): value is R2BucketLike =>
      typeof value === 'object' && typeof (value as Partial<R2BucketLike>).createMultipartUpload === 'function',
    declaration: (name) => `"r2_buckets": [{ "binding": "${name}", "bucket_name": "${bucketName}" }]`,
  };
}

/** Refuses what cannot be the names of bindings. */
export function checkBucketBindings(names: Readonly<Record<string, string>>): void {
  for (const [bucket, name] of Object.entries(names)) checkBindingName(name, r2Bucket(bucket));
}

/** The buckets of an env, each read, and missed, when it is first used. */
export function bucketBindings(
  env: object,
  names: Readonly<Record<string, string>>,
): Readonly<Record<string, R2BucketLike>> {
  const bindings: Record<string, R2BucketLike> = {};
  for (const [bucket, name] of Object.entries(names)) {
    const get = (): R2BucketLike => readBinding(env, name, r2Bucket(bucket));
    Object.defineProperty(bindings, bucket, { enumerable: true, get });
  }
  return bindings;
}
