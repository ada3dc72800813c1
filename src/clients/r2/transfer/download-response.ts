import type { R2FileInfo } from './download-file.js';
import { failedResponse, fileResponse, isEncoded, notModifiedResponse, rangeResponse } from './file-response.js';
import { allowsRange, evaluateConditions, type RequestHeaders } from './http-conditions.js';
import { parseRange, resolveRange, type ResolvedRange } from './http-range.js';

/** A download that is to become an answer. */
export interface OpenDownload {
  readonly info: R2FileInfo;
  readonly range: ResolvedRange | null;
  readonly body: ReadableStream<Uint8Array>;
  /** Reads a part of the same version by a request of its own, when the reading begins. */
  readonly part: (range: ResolvedRange) => ReadableStream<Uint8Array>;
}

/** What an answer depends on. */
export interface IncomingRequest {
  readonly method: string;
  readonly headers: RequestHeaders;
}

/** The answer to `request`, or the download as it is when there is none. */
export function downloadResponse(download: OpenDownload, request: IncomingRequest | undefined): Response {
  const { info, range, body } = download;
  if (request === undefined) return fileResponse({ info, range, body }, {});
  const conclusion = evaluateConditions(request.headers, info);
  if (conclusion !== 'met') {
    drop(body);
    return conclusion === 'failed'
      ? failedResponse(info)
      : notModifiedResponse(info, { cacheControl: info.cacheControl });
  }
  if (request.method === 'HEAD') {
    drop(body);
    return fileResponse({ info, range, body: null }, {});
  }
  return rangeAnswer(download, request);
}

function rangeAnswer(download: OpenDownload, { headers }: IncomingRequest): Response {
  const { info, range, body } = download;
  const { size } = info;
  const asked = parseRange(headers.get('range'));
  const usable = range === null && !isEncoded(info) && allowsRange(headers.get('if-range'), info);
  if (asked === null || size === null || !usable) return fileResponse({ info, range, body }, {});
  drop(body);
  const resolved = resolveRange(asked, size);
  if (resolved === null) return rangeResponse(size);
  return fileResponse({ info, range: resolved, body: download.part(resolved) }, {});
}

/** Lets the connection go. */
function drop(body: ReadableStream<Uint8Array>): void {
  body.cancel().catch(() => undefined);
}
