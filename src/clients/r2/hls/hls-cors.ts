import { CloudflareClientError } from '../../../errors.js';
import { checkOptions } from '../check-options.js';
import { shown } from '../object-names.js';

/** Which other sites may play private media. */
export interface HlsCorsOptions {
  /** Origins of the pages with the player, such as `https://www.example.com`; `*` for all, which cookies do not allow. */
  readonly origins: '*' | readonly string[];
  /**
   * Whether they may send the cookie; the player then needs `withCredentials`.
   *
   * @default false
   */
  readonly credentials?: boolean | undefined;
}

/** Headers for the answer to a request of some origin. */
export type CorsHeaders = (request: Request) => Readonly<Record<string, string>>;

const EXPOSED = 'Accept-Ranges, Content-Length, Content-Range, ETag, Last-Modified';
const PREFLIGHT_SECONDS = 7200;

/**
 * Works out what answers carry. Refusals carry it too: else a page sees a network error in place of the 403.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function corsHeaders(cors: HlsCorsOptions): CorsHeaders {
  const { origins, credentials = false } = checkOptions(cors, 'cors');
  if (origins === '*') {
    if (credentials) throw invalid('cors: credentials need a list of origins, not "*".');
    return () => ({ 'access-control-allow-origin': '*', 'access-control-expose-headers': EXPOSED });
  }
  const allowed = new Set(checkOrigins(origins));
  return (request) => {
    const origin = request.headers.get('origin');
    if (origin === null || !allowed.has(origin)) return { vary: 'Origin' };
    return {
      vary: 'Origin',
      'access-control-allow-origin': origin,
      'access-control-expose-headers': EXPOSED,
      ...(credentials && { 'access-control-allow-credentials': 'true' }),
    };
  };
}

/** The answer to a preflight. */
export function preflightResponse(headers: Readonly<Record<string, string>>): Response {
  return new Response(null, {
    status: 204,
    headers: {
      ...headers,
      'access-control-allow-methods': 'GET, HEAD',
      'access-control-allow-headers':
        'CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status, If-Match, If-Modified-Since, If-None-Match, If-Range, If-Unmodified-Since, Range',
      'access-control-max-age': String(PREFLIGHT_SECONDS),
    },
  });
}

function checkOrigins(origins: unknown): readonly string[] {
  if (!Array.isArray(origins)) throw invalid('cors: origins must be "*" or an array.');
  return origins.map((origin: unknown) => {
    if (typeof origin === 'string' && originOf(origin) === origin) return origin;
    throw invalid(`cors: ${shown(origin)} is no origin: scheme, host and port, nothing after them.`);
  });
}

function originOf(text: string): string | null {
  try {
    return new URL(text).origin;
  } catch {
    return null;
  }
}

function invalid(message: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_OPTION', message);
}
