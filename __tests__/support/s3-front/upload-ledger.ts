import type { FrontRequest } from './operations.js';
import type { Refusal } from './sigv4.js';
import { document, element } from './xml.js';

/** An upload in parts that was begun and is not finished. */
export interface LedgerUpload {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
  readonly initiated: Date;
  readonly parts: Map<number, LedgerPart>;
}

interface LedgerPart {
  readonly etag: string;
  readonly size: number;
  readonly modified: Date;
}

const MAX_PAGE = 1000;

/** What the front saw pass of uploads in parts, and the two listings of it that Miniflare lacks. */
export class UploadLedger {
  readonly #uploads = new Map<string, LedgerUpload>();
  readonly #now: () => number;
  readonly #maxPage: number;

  constructor(now: () => number, maxPage = MAX_PAGE) {
    this.#now = now;
    this.#maxPage = Math.min(maxPage, MAX_PAGE);
  }

  created({ bucket, key }: FrontRequest, uploadId: string): void {
    this.#uploads.set(uploadId, { bucket, key, uploadId, initiated: new Date(this.#now()), parts: new Map() });
  }

  stored(request: FrontRequest, etag: string, size: number): void {
    const number = Number(request.params.get('partNumber'));
    this.#find(request)?.parts.set(number, { etag, size, modified: new Date(this.#now()) });
  }

  ended(request: FrontRequest): void {
    if (this.#find(request) !== undefined) this.#uploads.delete(request.params.get('uploadId') ?? '');
  }

  /** All uploads that are not finished, in the order of S3's listing. */
  pending(bucket: string): LedgerUpload[] {
    return [...this.#uploads.values()].filter((upload) => upload.bucket === bucket).sort(byKeyAndId);
  }

  listParts(request: FrontRequest): string | Refusal {
    const { params, bucket, key } = request;
    const upload = this.#find(request);
    if (upload === undefined) {
      return { status: 404, code: 'NoSuchUpload', message: 'The specified multipart upload does not exist.' };
    }
    const limit = pageSize(params.get('max-parts'), this.#maxPage);
    const marker = Number(params.get('part-number-marker') ?? 0);
    if (limit === null || !Number.isInteger(marker) || marker < 0) return invalid('max-parts or part-number-marker');
    const rest = [...upload.parts].filter(([number]) => number > marker).sort(([one], [other]) => one - other);
    const page = rest.slice(0, limit);
    const parts = page.map(([number, part]) => {
      const fields = [element('PartNumber', number), element('LastModified', part.modified.toISOString())];
      return `<Part>${[...fields, element('ETag', part.etag), element('Size', part.size)].join('')}</Part>`;
    });
    const content = [
      element('Bucket', bucket) + element('Key', key) + element('UploadId', upload.uploadId),
      element('PartNumberMarker', marker),
      element('NextPartNumberMarker', page.at(-1)?.[0] ?? 0),
      element('MaxParts', limit) + element('IsTruncated', rest.length > page.length),
    ];
    return document('ListPartsResult', [...content, ...parts].join(''));
  }

  listUploads({ params, bucket }: FrontRequest): string | Refusal {
    const limit = pageSize(params.get('max-uploads'), this.#maxPage);
    if (limit === null) return invalid('max-uploads');
    const prefix = params.get('prefix') ?? '';
    const keyMarker = params.get('key-marker') ?? '';
    const idMarker = params.get('upload-id-marker') ?? '';
    const encode = params.get('encoding-type') === 'url' ? encodeURIComponent : (text: string): string => text;
    const rest = this.pending(bucket).filter(({ key, uploadId }) => {
      if (!key.startsWith(prefix)) return false;
      return key > keyMarker || (key === keyMarker && idMarker !== '' && uploadId > idMarker);
    });
    const page = rest.slice(0, limit);
    const uploads = page.map(({ key, uploadId, initiated }) => {
      const fields = [element('Key', encode(key)), element('UploadId', uploadId)];
      return `<Upload>${fields.join('')}${element('Initiated', initiated.toISOString())}</Upload>`;
    });
    const last = page.at(-1);
    const isTruncated = rest.length > page.length && last !== undefined;
    const content = [
      element('Bucket', bucket) + element('Prefix', encode(prefix)) + element('KeyMarker', encode(keyMarker)),
      element('UploadIdMarker', idMarker) + element('MaxUploads', limit) + element('IsTruncated', isTruncated),
      isTruncated ? element('NextKeyMarker', encode(last.key)) + element('NextUploadIdMarker', last.uploadId) : '',
    ];
    return document('ListMultipartUploadsResult', [...content, ...uploads].join(''));
  }

  #find({ params, bucket, key }: FrontRequest): LedgerUpload | undefined {
    const upload = this.#uploads.get(params.get('uploadId') ?? '');
    return upload?.bucket === bucket && upload.key === key ? upload : undefined;
  }
}

function byKeyAndId(one: LedgerUpload, other: LedgerUpload): number {
  const [first, second] = one.key === other.key ? [one.uploadId, other.uploadId] : [one.key, other.key];
  return first < second ? -1 : 1;
}

function pageSize(asked: string | null, maxPage: number): number | null {
  const size = Number(asked ?? MAX_PAGE);
  return Number.isInteger(size) && size >= 1 ? Math.min(size, maxPage) : null;
}

function invalid(name: string): Refusal {
  return { status: 400, code: 'InvalidArgument', message: `Invalid ${name}` };
}
