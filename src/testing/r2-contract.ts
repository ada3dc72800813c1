import { r2BulkCases } from './r2-contract-bulk.js';
import { r2DownloadCases } from './r2-contract-downloads.js';
import type { R2ContractCase } from './r2-contract-expect.js';
import { r2UploadCases } from './r2-contract-uploads.js';

/**
 * How an `R2Client` behaves, as cases for any test framework: the same run over S3 and on a bound bucket, in Node and inside
 * workerd, and on a double of your own. They use keys that begin with `contract/`.
 *
 * @example
 * ```ts
 * test.each(r2ClientContract)('$name', ({ run }) => run(new R2Client({ bindings: { media: env.MEDIA } }), 'media'));
 * ```
 */
export const r2ClientContract: readonly R2ContractCase[] = [...r2UploadCases, ...r2DownloadCases, ...r2BulkCases];
