/** When the binding does an operation at all. Tags without quotes; `*` is any object. */
export interface R2ConditionalLike {
  /** Only if this is the object's tag. */
  etagMatches?: string;
  /** Only if this is not the object's tag. */
  etagDoesNotMatch?: string;
  /** Only if it was stored before. */
  uploadedBefore?: Date;
  /** Only if it was stored after. */
  uploadedAfter?: Date;
  /** Compares times as HTTP does: in whole seconds. */
  secondsGranularity?: boolean;
}

/** Headers that the binding stores with an object. */
export interface R2HttpMetadataLike {
  contentType?: string;
  contentLanguage?: string;
  contentDisposition?: string;
  contentEncoding?: string;
  cacheControl?: string;
}

/** Which bytes to read. */
export type R2RangeLike = { offset: number; length?: number } | { suffix: number };

/** Options of a read. */
export interface R2GetOptionsLike {
  onlyIf?: R2ConditionalLike;
  range?: R2RangeLike;
}

/** What an object, or an upload in parts, is stored with. */
export interface R2StoringOptionsLike {
  httpMetadata?: R2HttpMetadataLike;
  customMetadata?: Record<string, string>;
  /** `Standard` or `InfrequentAccess`. */
  storageClass?: string;
}

/** Options of a write. */
export interface R2PutOptionsLike extends R2StoringOptionsLike {
  onlyIf?: R2ConditionalLike;
  md5?: Uint8Array;
}

/** Options of a listing. */
export interface R2BucketListOptionsLike {
  prefix?: string;
  /** 1 to 1,000. */
  limit?: number;
  cursor?: string;
  delimiter?: string;
  startAfter?: string;
}

/** What the binding tells of an object. */
export interface R2ObjectLike {
  readonly key: string;
  /** Bytes of the whole object. */
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  /** When it was stored. */
  readonly uploaded: Date;
  readonly httpMetadata?: R2HttpMetadataLike;
  readonly customMetadata?: Record<string, string>;
  /** `Standard` or `InfrequentAccess`; empty where the runtime does not say. */
  readonly storageClass?: string;
}

/** What the binding answers to a read: without a body when a condition did not hold. */
export interface R2ReadLike extends R2ObjectLike {
  /** A `ReadableStream` of bytes. */
  readonly body?: unknown;
}

/** One page of a listing. A page may hold less than was asked for and not be the last. */
export interface R2ObjectsLike {
  objects: R2ObjectLike[];
  delimitedPrefixes: string[];
  truncated: boolean;
  cursor?: string;
}

/** One part that was sent. */
export interface R2UploadedPartLike {
  partNumber: number;
  etag: string;
}

/** An upload in parts. */
export interface R2MultipartUploadLike {
  readonly uploadId: string;
  /** Sends a part, numbered from 1; all but the last have one size, of 5 MiB at least. */
  uploadPart(partNumber: number, value: unknown): Promise<R2UploadedPartLike>;
  /** Gives the upload up; its parts go. */
  abort(): Promise<void>;
  /** Makes the object of the parts. */
  complete(uploadedParts: R2UploadedPartLike[]): Promise<R2ObjectLike>;
}

/**
 * What the client needs of a bucket that is bound in the Worker. A binding typed by `@cloudflare/workers-types` 4 or 5 or
 * by `wrangler types` is assignable to it, though those are not assignable to one another; so is any double that keeps
 * these methods. Bodies are `unknown`, because each of those packages has a `ReadableStream` and a `Blob` of its own.
 */
export interface R2BucketLike {
  /** What is known of an object, without its content; `null` when there is none. */
  head(key: string): Promise<R2ObjectLike | null>;
  /** An object with its content; `null` when there is none, no `body` when a condition did not hold. */
  get(key: string, options?: R2GetOptionsLike): Promise<R2ReadLike | null>;
  /** Answers `null` when a condition did not hold. */
  put(key: string, value: unknown, options?: R2PutOptionsLike): Promise<R2ObjectLike | null>;
  /** Deletes up to 1,000 objects, also such as are not there. */
  delete(keys: string | string[]): Promise<void>;
  /** One page of at most 1,000 objects. */
  list(options?: R2BucketListOptionsLike): Promise<R2ObjectsLike>;
  /** Begins an upload in parts. */
  createMultipartUpload(key: string, options?: R2StoringOptionsLike): Promise<R2MultipartUploadLike>;
  /** An upload that was begun before. Nothing is asked: a wrong id fails when a part is sent. */
  resumeMultipartUpload(key: string, uploadId: string): R2MultipartUploadLike;
}
