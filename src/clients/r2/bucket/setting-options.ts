import { checkOptions } from '../check-options.js';
import { checkBucket } from '../object-names.js';
import { internalsOf } from '../r2-internals.js';
import type { SettingTarget } from './bucket-setting.js';

/** Which bucket's settings. */
export interface R2SettingOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Gives it up. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bucket that an operation on settings is about.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_ARGUMENT`
 */
export function settingTarget(r2: object, options: R2SettingOptions): SettingTarget {
  const { connection } = internalsOf(r2);
  const { bucket, signal } = checkOptions(options);
  checkBucket(bucket);
  return { connection, bucket, signal };
}
