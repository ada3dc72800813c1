import { UploadRefused } from './upload-refused.js';
import type { UppyCallbacks } from './uppy-callbacks.js';

/** A request of the protocol, taken apart. */
export interface UploadCall {
  readonly method: string;
  /** What follows `/s3/`, percent-decoded: `multipart`, the id, and so on. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  /** Reads the body as a JSON object. */
  body(): Promise<Readonly<Record<string, unknown>>>;
}

type Route = (uploads: UppyCallbacks, call: UploadCall) => unknown;

/** Bounds the work of one request; Uppy asks for far fewer. */
const MAX_BATCH = 1000;

/** Companion's S3 routes, by method; `:` stands for one segment. The last is for Uppy 6's `signRequest`. */
const ROUTES: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  params: {
    GET: (uploads, { query }) => uploads.getUploadParameters(fileOfQuery(query)),
  },
  multipart: {
    POST: async (uploads, call) => uploads.createMultipartUpload(fileOfBody(await call.body())),
  },
  'multipart/:': {
    GET: (uploads, call) => uploads.listParts(uploadOf(call)),
    DELETE: async (uploads, call) => {
      await uploads.abortMultipartUpload(uploadOf(call));
      return {};
    },
  },
  'multipart/:/complete': {
    POST: async (uploads, call) => {
      const { parts } = await call.body();
      return uploads.completeMultipartUpload({ ...uploadOf(call), parts });
    },
  },
  'multipart/:/batch': {
    GET: (uploads, call) => ({ presignedUrls: signBatch(uploads, call) }),
  },
  'multipart/:/:': {
    GET: (uploads, call) => {
      const size = call.query.get('size') ?? undefined;
      return uploads.signPart({ ...uploadOf(call), partNumber: call.path[2], size });
    },
  },
  sign: {
    POST: async (uploads, call) => uploads.signRequest(await call.body()),
  },
};

/**
 * What a path and a method lead to.
 *
 * @throws {CloudflareClientError} an `UploadRefused`: `NOT_FOUND`
 */
export function methodsOf(path: readonly string[]): Readonly<Record<string, Route>> {
  const [first = '', , last] = path;
  const shape =
    path.length === 1 ? first : path.length === 2 ? `${first}/:` : `${first}/:/${isNamed(last) ? (last ?? '') : ':'}`;
  const methods = path.length <= 3 && Object.hasOwn(ROUTES, shape) ? ROUTES[shape] : undefined;
  if (methods !== undefined) return methods;
  throw new UploadRefused('NOT_FOUND', 'There is nothing at this address.');
}

function isNamed(segment: string | undefined): boolean {
  return segment === 'complete' || segment === 'batch';
}

function uploadOf({ path, query }: UploadCall): { uploadId: unknown; key: unknown } {
  return { uploadId: path[1], key: query.get('key') };
}

/** Uppy's own fields, and the size where the app sends it as metadata: Uppy 4 and 5 do not tell it otherwise. */
function fileOfQuery(query: URLSearchParams): { name: unknown; type: unknown; size: unknown } {
  const size = query.get('size') ?? query.get('metadata[size]') ?? undefined;
  return { name: query.get('filename'), type: told(query.get('type')), size };
}

function fileOfBody(body: Readonly<Record<string, unknown>>): { name: unknown; type: unknown; size: unknown } {
  const { filename, type, size, metadata } = body;
  const inMetadata =
    typeof metadata === 'object' && metadata !== null && 'size' in metadata ? metadata.size : undefined;
  return { name: filename, type: told(type), size: size ?? inMetadata ?? undefined };
}

/** Uppy writes `undefined` and `null` into queries. */
function told(type: unknown): unknown {
  return type === 'undefined' || type === 'null' ? undefined : type;
}

function signBatch(uploads: UppyCallbacks, call: UploadCall): Record<string, string> {
  const numbers = (call.query.get('partNumbers') ?? '').split(',');
  if (numbers.length > MAX_BATCH)
    throw new UploadRefused('BAD_REQUEST', `At most ${MAX_BATCH} parts are signed at once.`);
  const upload = uploadOf(call);
  return Object.fromEntries(
    numbers.map((partNumber) => [partNumber, uploads.signPart({ ...upload, partNumber }).url] as const),
  );
}
