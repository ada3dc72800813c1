import type { R2DeleteFailure } from '../bulk/bulk-deletion.js';

/** Headers that an object is stored with, checked, and its metadata as the caller wrote it. */
export interface ObjectHeaders {
  readonly contentType: string;
  readonly cacheControl?: string | undefined;
  readonly contentDisposition?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly contentLanguage?: string | undefined;
  /** Names in lower case; values decoded. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly storageClass?: R2StorageClass | undefined;
}

/** `STANDARD_IA` is Infrequent Access: cheaper to keep, billed for 30 days at least, with a fee for reading. */
export type R2StorageClass = 'STANDARD' | 'STANDARD_IA';

/** When an operation on an object is done at all. Tags without quotes; `*` is any object. Times have a resolution of one second. */
export interface ObjectConditions {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
  readonly ifModifiedSince?: Date | undefined;
  readonly ifUnmodifiedSince?: Date | undefined;
}

/** Some bytes of an object, as HTTP's Range names them: from `offset` on, or the last `suffix`. */
export type ByteRange = { readonly offset: number; readonly length?: number | undefined } | { readonly suffix: number };

/** Content whose length is known. A stream can be sent once, bytes and a Blob again. */
export type StoreBody = Uint8Array | Blob | ReadableStream;

/** Which object, and the caller's way to give it up. */
export interface StoreTarget {
  readonly bucket: string;
  readonly key: string;
  readonly signal?: AbortSignal | undefined;
}

/** What a write left behind. The tag is without quotes and without `W/`. */
export interface StoredObject {
  readonly etag: string;
}

/** One object to store in one request. */
export interface StorePut extends StoreTarget {
  readonly body: StoreBody;
  /** Bytes of the body. */
  readonly length: number;
  readonly headers: ObjectHeaders;
  readonly conditions?: ObjectConditions | undefined;
  /** MD5 of the body, when it is known: the store refuses content that has another. */
  readonly md5?: Uint8Array | undefined;
  /** Called with the number of bytes that the network took since the last call. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** What to read. */
export interface StoreGet extends StoreTarget {
  readonly range?: ByteRange | undefined;
  readonly conditions?: ObjectConditions | undefined;
  /** The bytes as stored also of an object with a `contentEncoding`; over S3 the answer then says nothing of that header. */
  readonly asStored?: boolean | undefined;
}

/** What is known of an object without its content. */
export interface StoreInfo extends ObjectHeaders {
  readonly key: string;
  /** Bytes of the whole object; `null` when the server does not say. */
  readonly size: number | null;
  readonly etag: string;
  readonly lastModified: Date;
}

/** The answer to a read. What else can happen is thrown: a condition that fails (412), a range beyond the end (416). */
export type StoreRead =
  | {
      readonly status: 'found';
      readonly info: StoreInfo;
      /** Which bytes these are; `null` for the whole object. */
      readonly range: { readonly offset: number; readonly length: number } | null;
      /** The bytes as stored; decoded when the object has a `contentEncoding` of HTTP's own (gzip, br): `fetch` does so. */
      readonly body: ReadableStream<Uint8Array>;
    }
  | {
      readonly status: 'notModified';
      readonly etag: string;
      readonly lastModified: Date | null;
      /** What the object is stored with, where the store says so. */
      readonly cacheControl?: string | undefined;
    }
  | { readonly status: 'missing' };

/** The answer to a HEAD. */
export type StoreHead =
  { readonly status: 'found'; readonly info: StoreInfo } | { readonly status: 'notModified' | 'missing' };

/** One object of a listing. */
export interface StoreListed {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly lastModified: Date;
  readonly storageClass?: R2StorageClass | undefined;
}

/** Which page of a listing. */
export interface StoreList {
  readonly bucket: string;
  readonly prefix: string;
  /** 1 to 1,000. */
  readonly maxKeys: number;
  readonly delimiter?: string | undefined;
  /** Only keys after this one. */
  readonly startAfter?: string | undefined;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One page of a listing; `token` is `undefined` on the last. A page may hold less than was asked for and not be the last. */
export interface StorePage {
  readonly files: readonly StoreListed[];
  /** With a delimiter: what the keys begin with that were rolled up. */
  readonly prefixes: readonly string[];
  readonly token: string | undefined;
}

/** A copy within one store. */
export interface StoreCopy extends StoreTarget {
  readonly sourceBucket: string;
  readonly sourceKey: string;
  /** The source must have this tag. */
  readonly sourceEtag?: string | undefined;
  /** Headers of the copy. @default those of the source */
  readonly headers?: ObjectHeaders | undefined;
}

/** An upload in parts that has begun. */
export interface StoreUpload extends StoreTarget {
  readonly uploadId: string;
}

/** One part to send. All parts but the last have one size, 5 MiB to 5 GiB. */
export interface StorePart extends StoreUpload {
  /** From 1 to 10,000. */
  readonly partNumber: number;
  readonly body: StoreBody;
  readonly length: number;
  readonly md5?: Uint8Array | undefined;
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** A part that the store has. */
export interface StoredPart {
  readonly partNumber: number;
  readonly etag: string;
  /** Bytes; `undefined` where only the caller could know. */
  readonly size?: number | undefined;
  /** When it came in, in listings. */
  readonly lastModified?: Date | undefined;
}

/** An upload that was begun and neither completed nor aborted. */
export interface StorePendingUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly initiated: Date;
}

/** One page of pending uploads. */
export interface StorePendingUploads {
  readonly uploads: readonly StorePendingUpload[];
  readonly next: { readonly keyMarker: string; readonly uploadIdMarker: string } | undefined;
}

/**
 * The one way to objects: over S3, or by a bucket that is bound in the Worker. Both answer alike; whatever fails is a
 * `CloudflareClientError` that names operation, bucket and key. Names, lengths and options were checked by the caller.
 */
export interface ObjectStore {
  /** Stores an object in one request. `R2_PRECONDITION_FAILED`, `R2_CHECKSUM_MISMATCH`, `R2_ABORTED`. */
  put(request: StorePut): Promise<StoredObject>;
  /** Reads an object. `R2_PRECONDITION_FAILED`, `R2_RANGE_NOT_SATISFIABLE`. */
  get(request: StoreGet): Promise<StoreRead>;
  /** Reads what is known of an object. */
  head(request: StoreTarget & { readonly conditions?: ObjectConditions | undefined }): Promise<StoreHead>;
  /** Deletes an object; one that does not exist is not an error. */
  delete(request: StoreTarget): Promise<void>;
  /** Deletes up to 1,000 keys in as few requests as can be, once; answers with those that are still there. */
  deleteMany(request: {
    readonly bucket: string;
    readonly keys: readonly string[];
    readonly signal?: AbortSignal | undefined;
  }): Promise<R2DeleteFailure[]>;
  /** Lists one page. */
  list(request: StoreList): Promise<StorePage>;
  /** Copies within the store. `R2_NO_SUCH_KEY` when there is no such source, `R2_PRECONDITION_FAILED` when it has another tag. */
  copy(request: StoreCopy): Promise<StoredObject>;
  /** Begins an upload in parts; answers with its id. */
  createUpload(request: StoreTarget & { readonly headers: ObjectHeaders }): Promise<string>;
  /** Sends one part. `R2_NO_SUCH_UPLOAD`, `R2_CHECKSUM_MISMATCH`. */
  uploadPart(request: StorePart): Promise<StoredObject>;
  /** Makes the object of the parts, in the order of their numbers. `R2_NO_SUCH_UPLOAD`. */
  completeUpload(
    request: StoreUpload & {
      readonly parts: readonly StoredPart[];
      readonly conditions?: ObjectConditions | undefined;
    },
  ): Promise<StoredObject>;
  /** Gives an upload up, and its parts; one that is not there is not an error. */
  abortUpload(request: StoreUpload): Promise<void>;
  /** The parts that the store has, all pages, by number. `R2_NO_SUCH_UPLOAD`; `R2_NOT_SUPPORTED` where it cannot say. */
  listParts(request: StoreUpload): Promise<StoredPart[]>;
  /** One page of the uploads that are not finished. `R2_NOT_SUPPORTED` where it cannot say. */
  listUploads(request: {
    readonly bucket: string;
    readonly prefix: string;
    readonly keyMarker?: string | undefined;
    readonly uploadIdMarker?: string | undefined;
    readonly signal?: AbortSignal | undefined;
  }): Promise<StorePendingUploads>;
}
