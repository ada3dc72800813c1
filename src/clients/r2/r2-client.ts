import { checkOptions } from './check-options.js';
import { copyPrefix, type R2CopyPrefixOptions, type R2CopyPrefixResult } from './bulk/copy-prefix.js';
import { copyFile, type R2CopyOptions, type R2CopyResult } from './bulk/copy-file.js';
import {
  deleteFile,
  deleteFiles,
  deletePrefix,
  type R2DeleteFilesOptions,
  type R2DeleteOptions,
  type R2DeletePrefixOptions,
  type R2DeletePrefixResult,
} from './bulk/delete-files.js';
import type { R2DeleteResult } from './bulk/bulk-deletion.js';
import {
  downloadFile,
  headFile,
  type R2Download,
  type R2DownloadOptions,
  type R2FileInfo,
} from './transfer/download-file.js';
import { listPages, type R2ListedFile, type R2ListOptions } from './bulk/list-files.js';
import { resolveR2Config, resolveR2Options, type R2ClientConfig, type R2ClientOptions } from './r2-config.js';
import { keepInternals } from './r2-internals.js';
import { R2Connection } from './s3/r2-connection.js';
import { S3Store } from './store/s3-store.js';
import { signedUrl, type R2SignedUrlOptions } from './signing/signed-url.js';
import { uploadFile, type R2UploadOptions, type R2UploadResult } from './transfer/upload-file.js';

export type {
  R2ClientConfig,
  R2ClientOptions,
  R2CopyOptions,
  R2CopyPrefixOptions,
  R2CopyPrefixResult,
  R2CopyResult,
  R2DeleteFilesOptions,
  R2DeleteOptions,
  R2DeletePrefixOptions,
  R2DeletePrefixResult,
  R2DeleteResult,
  R2Download,
  R2DownloadOptions,
  R2FileInfo,
  R2ListedFile,
  R2ListOptions,
  R2SignedUrlOptions,
  R2UploadOptions,
  R2UploadResult,
};
export type { R2DeleteFailure } from './bulk/bulk-deletion.js';
export type { R2Jurisdiction } from './r2-config.js';
export type { R2UploadBody } from './transfer/upload-file.js';

/**
 * Objects in Cloudflare R2, over its S3 API, the same in Workers and in Node. The AWS SDK is loaded on first use.
 *
 * Every method rejects with a `CloudflareClientError`: `INVALID_*` before anything is sent, and from the server
 * `R2_ACCESS_DENIED`, `R2_NO_SUCH_BUCKET`, `R2_NO_SUCH_KEY`, `R2_PRECONDITION_FAILED`, `R2_RATE_LIMITED` (R2 takes one write
 * a second per key), `R2_NOT_SUPPORTED`, `R2_TIMEOUT` or `R2_FAILED`. Messages hold no credential and no signature.
 *
 * @example
 * ```ts
 * const r2 = new R2Client({
 *   accountId: env.R2_ACCOUNT_ID,
 *   accessKeyId: env.R2_ACCESS_KEY_ID,
 *   secretAccessKey: env.R2_SECRET_ACCESS_KEY,
 * });
 * await r2.uploadFile({ bucket: 'codex-media-production', key: `${creatorId}/audio/${mediaId}/audio.mp3`, body });
 * const url = await r2.getSignedUrl({
 *   bucket: 'codex-media-production',
 *   key: `${creatorId}/audio/${mediaId}/audio.mp3`,
 *   expiresIn: 3600,
 * });
 * ```
 */
export class R2Client {
  readonly #connection: R2Connection;

  /**
   * Checks config and options; sends nothing and loads nothing.
   *
   * @param config account and credentials; clients made with the same object share their connection pool.
   * @throws {CloudflareClientError} `INVALID_CONFIG` naming the field, `INVALID_OPTION` naming the option.
   */
  constructor(config: R2ClientConfig, options: R2ClientOptions = {}) {
    const resolved = resolveR2Options(options);
    this.#connection = new R2Connection(config, resolveR2Config(config), resolved);
    const store = new S3Store(this.#connection);
    keepInternals(this, { connection: this.#connection, options: resolved, storeOf: () => store });
  }

  /**
   * Stores an object, replacing one of the same key. What is larger than one request takes, and streams of unknown length
   * beyond 8 MiB, go up in parts; a failed upload leaves nothing behind.
   *
   * @returns the key, the entity tag and the number of bytes stored.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`, `INVALID_VALUE` (body, metadata, a stream that is longer or
   * shorter than `contentLength`), `R2_*`
   */
  async uploadFile(options: R2UploadOptions): Promise<R2UploadResult> {
    return uploadFile(this.#connection, checkOptions(options));
  }

  /**
   * Reads an object.
   *
   * @returns the object with its content as a stream, or `null` when there is none of that key.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`, `R2_NO_SUCH_BUCKET` and the other `R2_*`
   */
  async downloadFile(options: R2DownloadOptions): Promise<R2Download | null> {
    return downloadFile(this.#connection, checkOptions(options));
  }

  /**
   * Reads what is known of an object, without its content.
   *
   * @returns `null` when there is none of that key, and when there is no such bucket: the answer to a HEAD does not say which.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`, `R2_*`
   */
  async headFile(options: R2DownloadOptions): Promise<R2FileInfo | null> {
    return headFile(this.#connection, checkOptions(options));
  }

  /**
   * Deletes an object; one that does not exist is not an error.
   *
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`, `R2_*`
   */
  async deleteFile(options: R2DeleteOptions): Promise<void> {
    return deleteFile(this.#connection, checkOptions(options));
  }

  /**
   * Deletes objects by name, a thousand a request. Keys that the server failed on for the moment are tried again.
   *
   * @returns how many are gone, and each key that is not, with the server's reason.
   * @throws {CloudflareClientError} `INVALID_KEY` (then nothing was deleted), `INVALID_OPTION`, `R2_*` when a request as a
   * whole fails; the message says how many were deleted before.
   */
  async deleteFiles(options: R2DeleteFilesOptions): Promise<R2DeleteResult> {
    return deleteFiles(this.#connection, checkOptions(options));
  }

  /**
   * Deletes everything whose key begins with a prefix, however many pages that is. Run it again after a failure.
   *
   * @returns how many matched, how many are gone, and each key that is not, with the server's reason.
   * @throws {CloudflareClientError} `INVALID_PREFIX` for an empty prefix and one that does not end in `/`, unless the options
   * allow it (then nothing was deleted), `INVALID_OPTION`, `R2_*` as for `deleteFiles`
   */
  async deletePrefix(options: R2DeletePrefixOptions): Promise<R2DeletePrefixResult> {
    return deletePrefix(this.#connection, checkOptions(options));
  }

  /**
   * Lists objects in the order of their keys, all pages of them unless `maxKeys` says otherwise.
   *
   * @returns an array, empty when nothing matches. For many objects see `iterateFiles`, which holds one page at a time.
   * @throws {CloudflareClientError} `INVALID_PREFIX`, `INVALID_OPTION`, `R2_*`
   */
  async listFiles(options: R2ListOptions): Promise<R2ListedFile[]> {
    const files: R2ListedFile[] = [];
    for await (const page of listPages(this.#connection, checkOptions(options))) files.push(...page);
    return files;
  }

  /**
   * Lists objects one by one; a page of up to 1,000 is fetched when the iteration comes to it.
   *
   * @throws {CloudflareClientError} while iterating: `INVALID_PREFIX`, `INVALID_OPTION`, `R2_*`
   */
  async *iterateFiles(options: R2ListOptions): AsyncGenerator<R2ListedFile, void, undefined> {
    for await (const page of listPages(this.#connection, checkOptions(options))) yield* page;
  }

  /**
   * Copies an object on the server, with its content type and metadata; also from another bucket of the same account and
   * jurisdiction. R2 copies up to 5 GiB in one go.
   *
   * @throws {CloudflareClientError} `R2_NO_SUCH_KEY` when there is no such source, `INVALID_KEY`, `INVALID_OPTION`, other `R2_*`
   */
  async copyFile(options: R2CopyOptions): Promise<R2CopyResult> {
    return copyFile(this.#connection, checkOptions(options));
  }

  /**
   * Copies everything whose key begins with a prefix to another prefix, on the server, however many pages that is; also to another
   * bucket of the same account and jurisdiction. For other accounts, and for what can be gone on with, see `replicate`.
   *
   * @returns how many matched, how many were copied, and each key that was not, with the reason.
   * @throws {CloudflareClientError} `INVALID_PREFIX` for a prefix that does not end in `/`, `INVALID_OPTION` (also for prefixes of which
   * one begins with the other, in one bucket), `R2_ABORTED`, `R2_*` when a listing, the bucket or the credentials fail
   */
  async copyPrefix(options: R2CopyPrefixOptions): Promise<R2CopyPrefixResult> {
    return copyPrefix(this, checkOptions(options));
  }

  /**
   * Signs a URL that lets anyone who has it read one object (GET) until it expires. Nothing is sent; the object need not
   * exist. It works on the S3 endpoint only, not on a custom domain.
   *
   * @returns the URL; treat it as a password for as long as it lives.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`
   */
  async getSignedUrl(options: R2SignedUrlOptions): Promise<string> {
    return signedUrl(this.#connection, checkOptions(options));
  }
}
