/** A request to the front, understood. */
export interface FrontRequest {
  readonly operation: string;
  readonly method: string;
  /** Path as it came, with the prefix under which S3 is served. */
  readonly path: string;
  /** Query as it came, without the question mark. */
  readonly query: string;
  readonly params: URLSearchParams;
  readonly bucket: string;
  /** Decoded; empty for the bucket itself. */
  readonly key: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

type Names = Readonly<Record<string, string>>;

const SETTINGS: readonly string[] = ['lifecycle', 'cors'];
const SETTING_NAMES: Names = {
  'GET lifecycle': 'GetBucketLifecycleConfiguration',
  'PUT lifecycle': 'PutBucketLifecycleConfiguration',
  'DELETE lifecycle': 'DeleteBucketLifecycle',
  'GET cors': 'GetBucketCors',
  'PUT cors': 'PutBucketCors',
  'DELETE cors': 'DeleteBucketCors',
};
const OBJECT_NAMES: Names = { GET: 'GetObject', HEAD: 'HeadObject', PUT: 'PutObject', DELETE: 'DeleteObject' };
const BUCKET_NAMES: Names = { HEAD: 'HeadBucket', PUT: 'CreateBucket', DELETE: 'DeleteBucket' };
const UPLOAD_NAMES: Names = { GET: 'ListParts', POST: 'CompleteMultipartUpload', DELETE: 'AbortMultipartUpload' };

/** Understands a request: which bucket, which key, which of S3's operations. */
export function readRequest(
  method: string,
  url: string,
  headers: FrontRequest['headers'],
  basePath: string,
): FrontRequest {
  const [path, query] = splitOnce(url, '?');
  const [bucket = '', key = ''] = splitOnce(path.slice(basePath.length + 1), '/').map(decoded);
  const params = new URLSearchParams(query);
  const request = { method, path, query, params, bucket, key, headers };
  return { ...request, operation: method === 'OPTIONS' ? 'Preflight' : operationOf(request) };
}

function operationOf({ method, params, key, bucket, headers }: Omit<FrontRequest, 'operation'>): string {
  if (bucket === '') return 'ListBuckets';
  if (key === '') return bucketOperation(method, params);
  const copies = headers['x-amz-copy-source'] !== undefined;
  if (params.has('uploadId')) {
    if (method === 'PUT' && params.has('partNumber')) return copies ? 'UploadPartCopy' : 'UploadPart';
    if (UPLOAD_NAMES[method] !== undefined) return UPLOAD_NAMES[method];
  }
  if (params.has('uploads') && method === 'POST') return 'CreateMultipartUpload';
  if (method === 'PUT' && copies) return 'CopyObject';
  return OBJECT_NAMES[method] ?? 'Unknown';
}

function bucketOperation(method: string, params: URLSearchParams): string {
  const setting = SETTINGS.find((name) => params.has(name));
  if (setting !== undefined) return SETTING_NAMES[`${method} ${setting}`] ?? 'Unknown';
  if (method === 'POST') return params.has('delete') ? 'DeleteObjects' : 'PostObject';
  if (method !== 'GET') return BUCKET_NAMES[method] ?? 'Unknown';
  if (params.has('uploads')) return 'ListMultipartUploads';
  if (params.has('location')) return 'GetBucketLocation';
  return params.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjectsV1';
}

function splitOnce(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator);
  return index === -1 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
