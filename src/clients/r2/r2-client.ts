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
  type R2FileInfo,
  type R2NotModified,
} from './transfer/download-file.js';
import type { R2ConditionalDownloadOptions, R2DownloadOptions, R2HeadOptions } from './transfer/download-options.js';
import {
  listFiles,
  listFolder,
  listPages,
  type R2Folder,
  type R2ListedFile,
  type R2ListFolderOptions,
  type R2ListOptions,
} from './bulk/list-files.js';
import {
  resolveR2Config,
  resolveR2Options,
  type R2BindingsConfig,
  type R2ClientConfig,
  type R2ClientOptions,
} from './r2-config.js';
import { keepInternals, type R2Internals } from './r2-internals.js';
import { R2Connection } from './s3/r2-connection.js';
import { Presigner } from './signing/presigner.js';
import * as multipart from './signing/multipart.js';
import { signedUpload, type R2SignedUpload, type R2SignedUploadOptions } from './signing/upload-url.js';
import { signedUrl, signedUrls, type R2SignedUrlOptions, type R2SignedUrlsOptions } from './signing/signed-url.js';
import { BucketStores } from './store/bucket-stores.js';
import type { ObjectStore } from './store/object-store.js';
import { S3Store } from './store/s3-store.js';
import { uploadFile } from './transfer/upload-file.js';
import type { R2UploadOptions, R2UploadResult } from './transfer/upload-options.js';

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
  readonly #r2: R2Internals;
  /** What is signed goes by S3, and so does the rest of it. */
  readonly #s3: ObjectStore;

  /**
   * Checks config and options; sends nothing and loads nothing.
   *
   * @param config account and credentials, or `bindings`, or both; clients made with the same object share their connections.
   * @throws {CloudflareClientError} `INVALID_CONFIG` naming the field, `INVALID_OPTION` naming the option.
   */
  constructor(config: R2ClientConfig | R2BindingsConfig, options: R2ClientOptions = {}) {
    const resolved = resolveR2Options(options);
    const connection = new R2Connection(config, resolveR2Config(config), resolved);
    this.#s3 = new S3Store(connection);
    const presigner = new Presigner(config, connection);
    const stores = new BucketStores(config.bindings, connection);
    this.#r2 = { connection, options: resolved, presigner, storeOf: (bucket) => stores.of(bucket) };
    keepInternals(this, this.#r2);
  }

  /**
   * Stores an object, replacing one of the same key unless a condition says otherwise. Above `multipartThresholdBytes`, and from
   * streams of unknown length beyond one part, it goes up in parts of equal size, several at a time; a failed upload leaves nothing
   * behind. The MD5 of what is sent goes along, and what the server says it has stored is compared with it.
   *
   * @returns the key, the entity tag and the number of bytes stored.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`, `INVALID_VALUE` (body, metadata, a stream that is longer or
   * shorter than `contentLength`), `R2_PRECONDITION_FAILED`, `R2_CHECKSUM_MISMATCH`, `R2_ABORTED`, `R2_NO_SUCH_UPLOAD` (`resume`), other `R2_*`
   */
  async uploadFile(options: R2UploadOptions): Promise<R2UploadResult> {
    return uploadFile(this.#r2, checkOptions(options));
  }

  /**
   * Reads an object, or a range of it. A connection that drops while the body is read is resumed, for the same version only.
   *
   * @returns the object with its content as a stream, or `null` when there is none of that key.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`, `R2_NO_SUCH_BUCKET`, `R2_PRECONDITION_FAILED` (`ifMatch`,
   * `ifUnmodifiedSince`), `R2_RANGE_NOT_SATISFIABLE`, `R2_ABORTED` and the other `R2_*`
   */
  downloadFile(options: R2DownloadOptions): Promise<R2Download | null>;
  /**
   * Reads an object unless the caller has it already.
   *
   * @returns `{ notModified: true, etag }` when the caller has that version; `null` when there is none of that key.
   * @throws {CloudflareClientError} as above
   */
  downloadFile(options: R2ConditionalDownloadOptions): Promise<R2Download | R2NotModified | null>;
  /** The two above. */
  async downloadFile(
    options: R2DownloadOptions | R2ConditionalDownloadOptions,
  ): Promise<R2Download | R2NotModified | null> {
    return downloadFile(this.#r2, checkOptions(options));
  }

  /**
   * Reads what is known of an object, without its content.
   *
   * @returns `null` when there is none of that key, and when there is no such bucket: the answer to a HEAD does not say which.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`, `R2_*`
   */
  async headFile(options: R2HeadOptions): Promise<R2FileInfo | null> {
    return headFile(this.#r2, checkOptions(options));
  }

  /**
   * Deletes an object; one that does not exist is not an error.
   *
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`, `R2_*`
   */
  async deleteFile(options: R2DeleteOptions): Promise<void> {
    return deleteFile(this.#r2, checkOptions(options));
  }

  /**
   * Deletes objects by name, a thousand a request. Keys that the server failed on for the moment are tried again.
   *
   * @returns how many are gone, and each key that is not, with the server's reason.
   * @throws {CloudflareClientError} `INVALID_KEY` (then nothing was deleted), `INVALID_OPTION`, `R2_*` when a request as a
   * whole fails; the message says how many were deleted before.
   */
  async deleteFiles(options: R2DeleteFilesOptions): Promise<R2DeleteResult> {
    return deleteFiles(this.#r2, checkOptions(options));
  }

  /**
   * Deletes everything whose key begins with a prefix, however many pages that is. Run it again after a failure.
   *
   * @returns how many matched, how many are gone, and each key that is not, with the server's reason.
   * @throws {CloudflareClientError} `INVALID_PREFIX` for an empty prefix and one that does not end in `/`, unless the options
   * allow it (then nothing was deleted), `INVALID_OPTION`, `R2_*` as for `deleteFiles`
   */
  async deletePrefix(options: R2DeletePrefixOptions): Promise<R2DeletePrefixResult> {
    return deletePrefix(this.#r2, checkOptions(options));
  }

  /**
   * Lists objects in the order of their keys, all pages of them unless `maxKeys` says otherwise.
   *
   * @returns an array, empty when nothing matches. For many objects see `iterateFiles`, which holds one page at a time.
   * @throws {CloudflareClientError} `INVALID_PREFIX`, `INVALID_OPTION`, `R2_*`
   */
  async listFiles(options: R2ListOptions): Promise<R2ListedFile[]> {
    return listFiles(this.#r2, checkOptions(options));
  }

  /**
   * Lists objects one by one; a page of up to 1,000 is fetched when the iteration comes to it.
   *
   * @throws {CloudflareClientError} while iterating: `INVALID_PREFIX`, `INVALID_OPTION`, `R2_*`
   */
  async *iterateFiles(options: R2ListOptions): AsyncGenerator<R2ListedFile, void, undefined> {
    for await (const page of listPages(this.#r2, checkOptions(options))) yield* page;
  }

  /**
   * Lists one level of a bucket, as a directory has it: the objects directly under a prefix, and the "folders" beside them.
   *
   * @returns files and folders in the order of their names; both empty when nothing matches.
   * @throws {CloudflareClientError} `INVALID_PREFIX`, `INVALID_OPTION`, `R2_*`
   */
  async listFolder(options: R2ListFolderOptions): Promise<R2Folder> {
    return listFolder(this.#r2, checkOptions(options));
  }

  /**
   * Copies an object, with its content type, headers and metadata unless others are given; also from another bucket of the
   * same account and jurisdiction. Over S3 the server copies; by a binding the bytes go through the Worker.
   *
   * @throws {CloudflareClientError} `R2_NO_SUCH_KEY` when there is no such source, `R2_PRECONDITION_FAILED` when it has not the tag
   * `ifMatch`, `INVALID_KEY`, `INVALID_OPTION`, `INVALID_VALUE` (metadata), other `R2_*`
   */
  async copyFile(options: R2CopyOptions): Promise<R2CopyResult> {
    return copyFile(this.#r2, checkOptions(options));
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
  getSignedUrl(options: R2SignedUrlOptions): Promise<string> {
    return new Promise((resolve) => resolve(signedUrl(this.#r2.presigner, checkOptions(options))));
  }

  /**
   * Signs a URL for each of many objects, all with the same date and life, as `getSignedUrl` does for one.
   *
   * @returns the URLs in the order of `keys`.
   * @throws {CloudflareClientError} `INVALID_KEY` when one key is refused; then none is signed. `INVALID_OPTION`
   */
  getSignedUrls(options: R2SignedUrlsOptions): Promise<string[]> {
    return new Promise((resolve) => resolve(signedUrls(this.#r2.presigner, checkOptions(options))));
  }

  /**
   * Signs a PUT that lets a browser upload one object: of this exact size, content type and other headers, and, with
   * `writeOnce`, only where there is none yet. Nothing is sent.
   *
   * @returns the URL, and the headers that have to be sent with it.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`, `INVALID_VALUE` (metadata)
   *
   * @example
   * ```ts
   * // On the server, after the browser has told the size of its file:
   * const upload = await r2.getSignedUploadUrl({ bucket, key, contentLength: size, contentType: 'video/mp4', writeOnce: true, expiresIn: 900 });
   * // In the browser:
   * await fetch(upload.url, { method: upload.method, headers: upload.headers, body: file });
   * ```
   */
  getSignedUploadUrl(options: R2SignedUploadOptions): Promise<R2SignedUpload> {
    return new Promise((resolve) => resolve(signedUpload(this.#r2.presigner, checkOptions(options))));
  }

  /**
   * Begins an upload in parts, whose parts a browser sends to the URLs of `getSignedPartUrls`. Complete it or abort it: its
   * parts are billed until then. Always by the S3 endpoint, also where the bucket is bound.
   *
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`, `INVALID_VALUE` (metadata), `R2_*`
   */
  async createMultipartUpload(options: multipart.R2CreateMultipartOptions): Promise<multipart.R2MultipartUpload> {
    return multipart.createUpload(this.#s3, checkOptions(options));
  }

  /**
   * Signs a PUT for each part of an upload. Nothing is sent. `planParts` says how a file is cut.
   *
   * @returns the URLs in the order of `partNumbers`.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`; then none is signed.
   */
  getSignedPartUrls(options: multipart.R2SignedPartsOptions): Promise<multipart.R2SignedPart[]> {
    return new Promise((resolve) => resolve(multipart.signedParts(this.#r2.presigner, checkOptions(options))));
  }

  /**
   * Lists the parts of an upload that the server has, all pages, in the order of their numbers: to resume it.
   *
   * @throws {CloudflareClientError} `R2_NO_SUCH_UPLOAD`, `INVALID_KEY`, `INVALID_OPTION`, other `R2_*`
   */
  async listMultipartParts(options: multipart.R2MultipartOptions): Promise<multipart.R2MultipartPart[]> {
    return multipart.listParts(this.#s3, checkOptions(options));
  }

  /**
   * Makes the object of the parts. All parts but the last must have one size, and 5 MiB at least.
   *
   * @throws {CloudflareClientError} `R2_NO_SUCH_UPLOAD`, `R2_PRECONDITION_FAILED`, `INVALID_KEY`, `INVALID_OPTION`, other `R2_*`
   */
  async completeMultipartUpload(
    options: multipart.R2CompleteMultipartOptions,
  ): Promise<{ readonly key: string; readonly etag: string }> {
    return multipart.completeUpload(this.#s3, checkOptions(options));
  }

  /**
   * Gives an upload up, and its parts; one that is not there is not an error.
   *
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`, `R2_*`
   */
  async abortMultipartUpload(options: multipart.R2MultipartOptions): Promise<void> {
    return multipart.abortUpload(this.#s3, checkOptions(options));
  }

  /**
   * Lists the uploads in parts that were neither completed nor aborted, all pages of them.
   *
   * @throws {CloudflareClientError} `INVALID_PREFIX`, `INVALID_OPTION`, `R2_*`
   */
  async listMultipartUploads(options: multipart.R2ListMultipartOptions): Promise<multipart.R2PendingUpload[]> {
    return multipart.listUploads(this.#s3, checkOptions(options));
  }
}
