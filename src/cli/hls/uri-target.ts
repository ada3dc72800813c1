/** Where a URI of a playlist leads. */
export type UriTarget =
  | { readonly kind: 'object'; readonly key: string }
  /** An object, and not under the prefix. */
  | { readonly kind: 'outside'; readonly key: string }
  /** Another host, or a path from the root of whichever host serves the playlist. */
  | { readonly kind: 'foreign' }
  /** No place in a bucket: `data:`, `skd:`, `urn:`, an undefined variable. */
  | { readonly kind: 'opaque' }
  | { readonly kind: 'invalid' };

const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const WEB = /^https?:/i;
const VARIABLE = /\{\$[A-Za-z0-9_-]+\}/;

/**
 * The object that a URI means, seen from the playlist that holds it, as a player resolves it: the query and the fragment
 * go, `..` goes up, percent-encoding is undone.
 *
 * @param uri as the playlist has it.
 * @param playlistKey key of that playlist.
 * @param prefix what the keys of this media begin with; ends in `/` or is empty.
 */
export function targetOf(uri: string, playlistKey: string, prefix: string): UriTarget {
  if (VARIABLE.test(uri)) return { kind: 'opaque' };
  if (SCHEME.test(uri)) return WEB.test(uri) ? { kind: 'foreign' } : { kind: 'opaque' };
  if (uri.startsWith('/')) return { kind: 'foreign' };
  const path = uri.replace(/[?#].*$/s, '');
  const segments = resolve(path, playlistKey);
  if (segments === 'above') return { kind: 'outside', key: path };
  const key = decode(segments.join('/'));
  if (path === '' || key === null || key === '' || key.endsWith('/')) return { kind: 'invalid' };
  return key.startsWith(prefix) ? { kind: 'object', key } : { kind: 'outside', key };
}

/** Segments of the key, not yet decoded but for those of the playlist; `above` when it leaves the bucket. */
function resolve(path: string, playlistKey: string): string[] | 'above' {
  const segments = playlistKey.split('/').slice(0, -1).map(encodeURIComponent);
  for (const segment of path.split('/')) {
    const plain = segment.replaceAll(/%2e/gi, '.');
    if (plain === '.') continue;
    if (plain !== '..') segments.push(segment);
    else if (segments.pop() === undefined) return 'above';
  }
  return segments;
}

function decode(path: string): string | null {
  try {
    const key = decodeURIComponent(path);
    // What a URL parser would resolve only after decoding is no key that a player can ask for.
    return key.split('/').some((segment) => segment === '.' || segment === '..') ? null : key;
  } catch {
    return null;
  }
}
