import { createHash } from 'node:crypto';
import { readCorsRules } from './cors-rules.js';
import type { FrontRequest } from './operations.js';
import type { Refusal } from './sigv4.js';
import { document, elements, texts } from './xml.js';

/** An answer without a body, or with a document. */
export interface SettingsAnswer {
  readonly status: number;
  readonly body?: string;
}

type Setting = 'lifecycle' | 'cors';

const MAX_LIFECYCLE_RULES = 1000;
/** Each new bucket of R2 has this rule (https://developers.cloudflare.com/r2/buckets/object-lifecycles/). */
const DEFAULT_LIFECYCLE = document(
  'LifecycleConfiguration',
  '<Rule><ID>Default Multipart Abort Rule</ID><Filter><Prefix></Prefix></Filter><Status>Enabled</Status>' +
    '<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>',
);
const MISSING: Readonly<Record<Setting, Refusal>> = {
  lifecycle: refusal(404, 'NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist.'),
  cors: refusal(404, 'NoSuchCORSConfiguration', 'The CORS configuration does not exist.'),
};
// The API table of R2 lists it as not implemented for both, and R2 answers 501 to what it does not implement.
const REFUSED_HEADERS: readonly string[] = ['x-amz-sdk-checksum-algorithm', 'x-amz-expected-bucket-owner'];

/** Lifecycle and CORS of the buckets, kept as the documents that were put: whatever an element says comes back. */
export class BucketSettings {
  readonly #documents = new Map<string, string>();

  constructor(buckets: readonly string[]) {
    for (const bucket of buckets) this.#documents.set(`lifecycle ${bucket}`, DEFAULT_LIFECYCLE);
  }

  /** The rules that cross-origin requests are measured by. */
  corsRules(bucket: string): NonNullable<ReturnType<typeof readCorsRules>> {
    return readCorsRules(this.#documents.get(`cors ${bucket}`) ?? '') ?? [];
  }

  answer(request: FrontRequest, body: Buffer): SettingsAnswer | Refusal {
    const setting: Setting = request.params.has('cors') ? 'cors' : 'lifecycle';
    const name = `${setting} ${request.bucket}`;
    if (request.method === 'DELETE') {
      this.#documents.delete(name);
      return { status: 204 };
    }
    const kept = this.#documents.get(name);
    if (request.method === 'GET') return kept === undefined ? MISSING[setting] : { status: 200, body: kept };
    const text = body.toString('utf8');
    const refused = checkHeaders(request, body) ?? (setting === 'cors' ? checkCors(text) : checkLifecycle(text));
    if (refused !== null) return refused;
    this.#documents.set(name, text);
    return { status: 200 };
  }
}

function checkHeaders({ headers }: FrontRequest, body: Buffer): Refusal | null {
  const unknown = REFUSED_HEADERS.find((name) => headers[name] !== undefined);
  if (unknown !== undefined) {
    return refusal(501, 'NotImplemented', `Header '${unknown}' with value '${headers[unknown] ?? ''}' not implemented`);
  }
  const md5 = headers['content-md5'];
  if (md5 !== undefined && createHash('md5').update(body).digest('base64') !== md5) {
    return refusal(400, 'BadDigest', 'The Content-MD5 you specified did not match what we received.');
  }
  const hash = headers['x-amz-content-sha256'] ?? '';
  if (/^[0-9a-f]{64}$/.test(hash) && createHash('sha256').update(body).digest('hex') !== hash) {
    return refusal(400, 'XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match.");
  }
  return null;
}

function checkCors(text: string): Refusal | null {
  if (!text.includes('</CORSConfiguration>')) return malformed();
  return readCorsRules(text) === null ? malformed() : null;
}

function checkLifecycle(text: string): Refusal | null {
  if (!text.includes('LifecycleConfiguration')) return malformed();
  const rules = elements(text, 'Rule');
  if (rules.length === 0) return malformed();
  if (rules.length > MAX_LIFECYCLE_RULES) {
    return refusal(400, 'InvalidArgument', `At most ${MAX_LIFECYCLE_RULES} lifecycle rules are allowed.`);
  }
  const ids = rules.flatMap((rule) => texts(rule, 'ID'));
  if (new Set(ids).size < ids.length) return refusal(400, 'InvalidArgument', 'Rule ID must be unique.');
  for (const rule of rules) {
    const [filter = ''] = elements(rule, 'Filter');
    if (/<(?:And|Tag|ObjectSize\w+)\b/.test(filter)) {
      return refusal(501, 'NotImplemented', 'Lifecycle filters other than Prefix are not implemented');
    }
    if (!['Enabled', 'Disabled'].includes(texts(rule, 'Status')[0] ?? '')) return malformed();
    const [storageClass] = texts(rule, 'StorageClass');
    if (storageClass !== undefined && storageClass !== 'STANDARD_IA') {
      return refusal(400, 'InvalidStorageClass', 'The storage class is not supported.');
    }
  }
  return null;
}

function malformed(): Refusal {
  return refusal(400, 'MalformedXML', 'The XML you provided was not well formed or did not validate.');
}

function refusal(status: number, code: string, message: string): Refusal {
  return { status, code, message };
}
