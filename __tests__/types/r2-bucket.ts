import type { R2Bucket as R2BucketV4 } from '@cloudflare/workers-types';
import type { Miniflare } from 'miniflare';
import type { R2Bucket as R2BucketV5 } from 'workers-types-v5';
import type { R2BucketLike } from '../../src/clients/r2/store/r2-bucket.js';

declare const v4: R2BucketV4;
declare const v5: R2BucketV5;
declare const local: Awaited<ReturnType<Miniflare['getR2Bucket']>>;
export const fromV4: R2BucketLike = v4;
export const fromV5: R2BucketLike = v5;
export const fromMiniflare: R2BucketLike = local;

declare const namespace: KVNamespace;
// @ts-expect-error a KV namespace is no bucket, though it has `get`, `put`, `delete` and `list`
export const fromKV: R2BucketLike = namespace;
