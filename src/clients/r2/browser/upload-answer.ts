import { isCloudflareClientError } from '../../../errors.js';
import { failureName } from '../r2-error.js';
import { UploadRefused } from './upload-refused.js';

/** Which pages of other origins may call. */
export interface UploadCors {
  readonly origins: readonly string[];
  readonly headers: readonly string[];
  readonly credentials: boolean;
}

const METHODS = 'GET, POST, DELETE';
const PREFLIGHT_SECONDS = '600';
/** R2's names for parts that do not fit together: the client's doing. */
const BAD_PARTS: readonly string[] = ['InvalidPart', 'InvalidPartOrder', 'EntityTooSmall', 'MalformedXML'];

/** An answer that no cache keeps: signed URLs are for one caller. */
export function jsonAnswer(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  });
}

/** The answer to what was refused; the shape is Companion's, whose `message` Uppy shows. */
export function refusalAnswer({ status, reason, message }: UploadRefused, headers?: Record<string, string>): Response {
  return jsonAnswer(status, { code: reason, message }, headers);
}

/** What the client is told of an error. R2's own words stay on the server: they name the account's bucket. */
export function refusalOf(error: unknown): UploadRefused | null {
  if (error instanceof UploadRefused) return error;
  if (!isCloudflareClientError(error)) return null;
  const { code } = error;
  if (code === 'R2_NO_SUCH_UPLOAD') {
    return new UploadRefused('NO_SUCH_UPLOAD', 'There is no such upload: it was finished or aborted, or has expired.');
  }
  if (code === 'R2_RATE_LIMITED') return new UploadRefused('RATE_LIMITED', 'Too many requests; try again later.');
  if (BAD_PARTS.includes(failureName(error.cause))) {
    return new UploadRefused('BAD_REQUEST', 'The parts do not make up an object.');
  }
  return code.startsWith('R2_') ? new UploadRefused('STORAGE_FAILED', 'The storage failed; try again later.') : null;
}

/**
 * The CORS headers for a request of another origin that may call, none for the same origin.
 *
 * @returns `null` when the page may not call.
 */
export function corsHeaders(request: Request, cors: UploadCors): Record<string, string> | null {
  const origin = request.headers.get('origin');
  if (origin === null) return { vary: 'Origin' };
  if (cors.origins.includes(origin)) {
    return {
      vary: 'Origin',
      'access-control-allow-origin': origin,
      ...(cors.credentials && { 'access-control-allow-credentials': 'true' }),
    };
  }
  return isSameHost(origin, request.url) ? { vary: 'Origin' } : null;
}

/** The answer to a preflight of a page that may call. */
export function preflightAnswer(headers: Record<string, string>, cors: UploadCors): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...headers,
      'access-control-allow-methods': METHODS,
      'access-control-allow-headers': cors.headers.join(', '),
      'access-control-max-age': PREFLIGHT_SECONDS,
    },
  });
}

/** By host: behind a proxy that ends TLS the schemes differ. */
function isSameHost(origin: string, url: string): boolean {
  try {
    return new URL(origin).host === new URL(url).host;
  } catch {
    return false;
  }
}
