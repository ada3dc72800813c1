import { createHash, createHmac } from 'node:crypto';
import type { FrontRequest } from './operations.js';
import { texts } from './xml.js';
import { sameText, type Keys, type Refusal } from './sigv4.js';

/** What a session token grants, read from its JWT. */
export interface Grant {
  /** The keys that the request must be signed with. */
  readonly keys: Keys;
  readonly bucket: string;
  readonly scope: string | undefined;
  readonly actions: readonly string[] | undefined;
  readonly prefixes: readonly string[];
  readonly objects: readonly string[];
  /** Whether the token names paths at all; else the whole bucket is granted. */
  readonly confined: boolean;
}

interface Claims {
  readonly bucket?: unknown;
  readonly scope?: unknown;
  readonly actions?: unknown;
  readonly paths?: { readonly prefixPaths?: unknown; readonly objectPaths?: unknown };
  readonly sub?: unknown;
  readonly iss?: unknown;
  readonly aud?: unknown;
  readonly iat?: unknown;
  readonly exp?: unknown;
}

const READS: readonly string[] = [
  'HeadObject',
  'GetObject',
  'GetBucketLocation',
  'ListObjectsV1',
  'ListObjectsV2',
  'ListMultipartUploads',
  'ListParts',
];
const WRITES: readonly string[] = [
  'PutObject',
  'DeleteObject',
  'DeleteObjects',
  'CopyObject',
  'CreateMultipartUpload',
  'UploadPart',
  'UploadPartCopy',
  'AbortMultipartUpload',
  'CompleteMultipartUpload',
];
const SETTINGS_READ: readonly string[] = ['GetBucketLifecycleConfiguration', 'GetBucketCors'];
const SETTINGS_WRITE: readonly string[] = [
  'PutBucketLifecycleConfiguration',
  'DeleteBucketLifecycle',
  'PutBucketCors',
  'DeleteBucketCors',
];
const SCOPES: Readonly<Record<string, readonly string[]>> = {
  'object-read-only': [...READS, 'HeadBucket'],
  'object-read-write': [...READS, 'HeadBucket', ...WRITES],
  'admin-read-only': [...READS, 'HeadBucket', ...SETTINGS_READ],
  'admin-read-write': [...READS, 'HeadBucket', ...WRITES, ...SETTINGS_READ, ...SETTINGS_WRITE],
};

/**
 * Reads a session token as R2 documents it: base64 of `jwt/` and a JWT, HS256 by the parent's secret, for this account,
 * this key and this host. Whatever is not exactly so is refused.
 */
export function readSessionToken(
  token: string,
  parent: Keys,
  place: { readonly accountId: string; readonly host: string; readonly now: number },
): Grant | Refusal {
  const text = Buffer.from(token, 'base64').toString('latin1');
  if (Buffer.from(text, 'latin1').toString('base64') !== token || !text.startsWith('jwt/')) return invalidToken();
  const jwt = text.slice('jwt/'.length);
  const [header = '', payload = '', signature = '', ...rest] = jwt.split('.');
  const expected = createHmac('sha256', parent.secretAccessKey).update(`${header}.${payload}`).digest('base64url');
  if (rest.length > 0 || !sameText(expected, signature)) return invalidToken();
  const claims = parsed(payload) as Claims | null;
  if ((parsed(header) as { alg?: unknown } | null)?.alg !== 'HS256' || claims === null) return invalidToken();
  if (claims.iss !== parent.accessKeyId || claims.sub !== place.accountId || claims.aud !== place.host) {
    return invalidToken();
  }
  const seconds = place.now / 1000;
  if (typeof claims.iat !== 'number' || typeof claims.exp !== 'number' || claims.iat > seconds + 60) {
    return invalidToken();
  }
  if (claims.exp <= seconds) return { status: 403, code: 'ExpiredToken', message: 'The session token has expired.' };
  return grantOf(claims, jwt, parent);
}

/** Refuses what a grant does not cover: another bucket, operation or path. `keys` are the keys that a body names. */
export function checkGrant(grant: Grant, request: FrontRequest, keys: readonly string[]): Refusal | null {
  const { operation, bucket } = request;
  if (bucket !== grant.bucket) return denied();
  if (grant.actions !== undefined && !grant.actions.includes(operation)) return denied();
  if (grant.scope !== undefined && !(SCOPES[grant.scope] ?? []).includes(operation)) return denied();
  if (!grant.confined) return null;
  if (operation === 'GetBucketLocation' || operation === 'HeadBucket') return null;
  if (operation.startsWith('List') && operation !== 'ListParts') {
    const prefix = request.params.get('prefix') ?? '';
    return grant.prefixes.some((allowed) => prefix.startsWith(allowed)) ? null : denied();
  }
  const named = [...(request.key === '' ? [] : [request.key]), ...keys, ...copySource(request)];
  const inside = (key: string): boolean =>
    grant.objects.includes(key) || grant.prefixes.some((prefix) => key.startsWith(prefix));
  return named.length > 0 && named.every(inside) ? null : denied();
}

/** The keys that the body of a DeleteObjects names. */
export function keysOfDeletion(body: string): string[] {
  return texts(body, 'Key');
}

function copySource({ headers, bucket }: FrontRequest): string[] {
  const source = headers['x-amz-copy-source'];
  if (source === undefined) return [];
  const [from = '', ...key] = decodeURIComponent(source).replace(/^\//, '').split('/');
  // A source elsewhere is never inside; a key cannot be empty.
  return [from === bucket ? key.join('/') : ''];
}

function grantOf(claims: Claims, jwt: string, parent: Keys): Grant | Refusal {
  const actions = listOf(claims.actions);
  const scope = typeof claims.scope === 'string' ? claims.scope : undefined;
  if (typeof claims.bucket !== 'string' || (scope === undefined && actions === undefined)) return invalidToken();
  if (scope !== undefined && SCOPES[scope] === undefined) return invalidToken();
  return {
    keys: { accessKeyId: parent.accessKeyId, secretAccessKey: createHash('sha256').update(jwt).digest('hex') },
    bucket: claims.bucket,
    scope,
    actions,
    prefixes: listOf(claims.paths?.prefixPaths) ?? [],
    objects: listOf(claims.paths?.objectPaths) ?? [],
    confined: claims.paths !== undefined,
  };
}

function listOf(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : undefined;
}

function parsed(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as unknown;
  } catch {
    return null;
  }
}

function denied(): Refusal {
  return { status: 403, code: 'AccessDenied', message: 'Access Denied' };
}

function invalidToken(): Refusal {
  return { status: 400, code: 'InvalidArgument', message: 'X-Amz-Security-Token' };
}
