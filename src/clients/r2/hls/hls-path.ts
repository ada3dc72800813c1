import { CloudflareClientError } from '../../../errors.js';
import { shown } from '../object-names.js';
import { isPlainSegment } from './media-prefix.js';
import { looksLikeToken } from './media-token.js';

/** What the path of a request asks for. */
export interface AccessPath {
  /** The token, where the first segment reads as one. */
  readonly token: string | null;
  readonly key: string;
}

const BASE_PATH = /^(?:\/[A-Za-z0-9._~-]+)+$/;

/**
 * Refuses what is no path to serve under.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function checkBasePath(basePath: unknown): string {
  if (typeof basePath === 'string' && BASE_PATH.test(basePath) && !basePath.split('/').some(isDots)) return basePath;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `basePath ${shown(basePath)} must be a path such as "/v": letters, digits, "-", "_", ".", "~", and no "/" at its end.`,
  );
}

/**
 * Takes a path apart. Every spelling of a key (`%61` for `a`) gives the same key; one that servers read in two ways (an
 * encoded slash, an empty segment) gives none.
 *
 * @param pathname as a `URL` has it: `.` and `..` are resolved already.
 * @returns `null` when it names no key, or is not under `basePath`.
 */
export function accessPathOf(pathname: string, basePath: string): AccessPath | null {
  if (!pathname.startsWith(`${basePath}/`)) return null;
  const [first = '', ...rest] = pathname.slice(basePath.length + 1).split('/');
  const token = looksLikeToken(first) ? first : null;
  const segments = (token === null ? [first, ...rest] : rest).map(decoded);
  if (segments.length === 0 || !segments.every((segment) => segment !== null && isPlainSegment(segment))) return null;
  return { token, key: segments.join('/') };
}

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

function isDots(segment: string): boolean {
  return segment === '.' || segment === '..';
}
