import type { R2DeleteFailure } from '../bulk/bulk-deletion.js';
import type { R2Connection } from '../s3/r2-connection.js';
import type {
  ObjectConditions,
  ObjectHeaders,
  ObjectStore,
  StoreCopy,
  StoredObject,
  StoredPart,
  StoreGet,
  StoreHead,
  StoreList,
  StorePage,
  StorePart,
  StorePendingUploads,
  StorePut,
  StoreRead,
  StoreTarget,
  StoreUpload,
} from './object-store.js';
import { deleteObjects, type DeleteManyRequest } from './s3-deletion.js';
import { copyWhenLarge } from './s3-large-copy.js';
import { listObjects } from './s3-listing.js';
import { copyObject, deleteObject, getObject, headObject, putObject } from './s3-objects.js';
import { abortUpload, completeUpload, createUpload, listParts, listUploads, uploadPart } from './s3-uploads.js';

/** Objects over S3: R2's endpoint or another server's. It holds no state of a request. */
export class S3Store implements ObjectStore {
  readonly #connection: R2Connection;

  constructor(connection: R2Connection) {
    this.#connection = connection;
  }

  /** Stores an object in one request. */
  put(request: StorePut): Promise<StoredObject> {
    return putObject(this.#connection, request);
  }

  /** Reads an object. The signal also ends the reading of its body. */
  get(request: StoreGet): Promise<StoreRead> {
    return getObject(this.#connection, request);
  }

  /** Reads what is known of an object; a missing bucket cannot be told from a missing object. */
  head(request: StoreTarget & { readonly conditions?: ObjectConditions | undefined }): Promise<StoreHead> {
    return headObject(this.#connection, request);
  }

  /** Deletes an object. */
  delete(request: StoreTarget): Promise<void> {
    return deleteObject(this.#connection, request);
  }

  /** Deletes up to 1,000 keys: one request, and one more for each key that XML cannot carry. */
  deleteMany(request: DeleteManyRequest): Promise<R2DeleteFailure[]> {
    return deleteObjects(this.#connection, request);
  }

  /** Lists one page. `R2_FAILED` also for a page that is no listing of what was asked for; none of such a page is given out. */
  list(request: StoreList): Promise<StorePage> {
    return listObjects(this.#connection, request);
  }

  /** Copies on the server: in one request, or in parts what is too large for one. */
  async copy(request: StoreCopy): Promise<StoredObject> {
    try {
      return await copyObject(this.#connection, request);
    } catch (error) {
      return copyWhenLarge({ store: this, connection: this.#connection }, request, error);
    }
  }

  /** Begins an upload in parts. */
  createUpload(request: StoreTarget & { readonly headers: ObjectHeaders }): Promise<string> {
    return createUpload(this.#connection, request);
  }

  /** Sends one part. */
  uploadPart(request: StorePart): Promise<StoredObject> {
    return uploadPart(this.#connection, request);
  }

  /** Makes the object of the parts. R2 does not document conditions here: check with `head` too. */
  completeUpload(
    request: StoreUpload & {
      readonly parts: readonly StoredPart[];
      readonly conditions?: ObjectConditions | undefined;
    },
  ): Promise<StoredObject> {
    return completeUpload(this.#connection, request);
  }

  /** Gives an upload up. */
  abortUpload(request: StoreUpload): Promise<void> {
    return abortUpload(this.#connection, request);
  }

  /** The parts that the server has. */
  listParts(request: StoreUpload): Promise<StoredPart[]> {
    return listParts(this.#connection, request);
  }

  /** One page of the uploads that are not finished. */
  listUploads(request: {
    readonly bucket: string;
    readonly prefix: string;
    readonly keyMarker?: string | undefined;
    readonly uploadIdMarker?: string | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Promise<StorePendingUploads> {
    return listUploads(this.#connection, request);
  }
}
