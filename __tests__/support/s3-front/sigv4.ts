import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A request as a signature sees it. `path` and `query` are as they came: still percent-encoded. */
export interface SignedParts {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** An access key, its secret and, for temporary ones, the token. */
export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Why a request is refused, as S3 says it. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

interface Claim {
  readonly credential: string;
  readonly date: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly payloadHash: string;
  readonly presigned: boolean;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
const MAX_SKEW_MS = 900_000;
const MAX_EXPIRES_SECONDS = 604_800;

/** Checks a SigV4 signature, of the header form or of the query form, with R2's codes and in R2's order. */
export function verifySignature(request: SignedParts, keys: Keys, now: number): Refusal | null {
  const claim = claimOf(request, now);
  if ('status' in claim) return claim;
  const [accessKeyId, date = '', region = '', service, end] = claim.credential.split('/');
  if (service !== 's3' || end !== 'aws4_request') return refusal(400, 'InvalidArgument', 'Credential is malformed');
  if (!claim.date.startsWith(date)) return refusal(400, 'InvalidArgument', 'Credential signed date does not match');
  if (accessKeyId !== keys.accessKeyId) return refusal(401, 'Unauthorized', 'Unauthorized');
  if (!claim.signedHeaders.includes('host')) return refusal(401, 'Unauthorized', 'Unauthorized');
  const expected = signatureOf(request, claim, { date, region, secretAccessKey: keys.secretAccessKey });
  if (sameText(expected, claim.signature)) return null;
  return refusal(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match the signature');
}

/**
 * Signs a request anew in the header form.
 *
 * @returns the headers with `authorization`; `query` must be without any `X-Amz-` parameter.
 */
export function signRequest(request: SignedParts, keys: Keys, now: number): Record<string, string> {
  const date = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const all: Record<string, string | undefined> = {
    ...request.headers,
    'x-amz-date': date,
    'x-amz-content-sha256': request.headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD',
  };
  const headers = Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const signedHeaders = ['host', 'x-amz-content-sha256', 'x-amz-date'];
  const day = date.slice(0, 8);
  const claim: Claim = {
    credential: `${keys.accessKeyId}/${day}/auto/s3/aws4_request`,
    date,
    signedHeaders,
    signature: '',
    payloadHash: headers['x-amz-content-sha256'] ?? '',
    presigned: false,
  };
  const signature = signatureOf({ ...request, headers }, claim, { ...keys, date: day, region: 'auto' });
  const authorization = `${ALGORITHM} Credential=${claim.credential}, SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`;
  return { ...headers, authorization };
}

/** Whether a text is the same, in constant time. */
export function sameText(one: string, other: string): boolean {
  return timingSafeEqual(createHash('sha256').update(one).digest(), createHash('sha256').update(other).digest());
}

function claimOf(request: SignedParts, now: number): Claim | Refusal {
  const { authorization } = request.headers;
  if (authorization !== undefined) return headerClaim(request, authorization, now);
  const query = new URLSearchParams(request.query);
  return query.has('X-Amz-Credential') ? queryClaim(query, now) : refusal(400, 'InvalidArgument', 'Authorization');
}

function headerClaim(request: SignedParts, authorization: string, now: number): Claim | Refusal {
  const payloadHash = request.headers['x-amz-content-sha256'];
  if (payloadHash === undefined) return refusal(400, 'InvalidRequest', 'Missing x-amz-content-sha256');
  const date = request.headers['x-amz-date'] ?? '';
  const time = timeOf(date);
  if (time === null) return refusal(400, 'InvalidArgument', 'No date provided in x-amz-date');
  if (Math.abs(now - time) > MAX_SKEW_MS) return refusal(403, 'RequestTimeTooSkewed', 'The clocks differ too much.');
  const fields = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)$/.exec(
    authorization,
  );
  if (fields === null) return refusal(400, 'InvalidRequest', `Please use ${ALGORITHM}`);
  const [, credential = '', signedHeaders = '', signature = ''] = fields;
  return { credential, date, signedHeaders: signedHeaders.split(';'), signature, payloadHash, presigned: false };
}

function queryClaim(query: URLSearchParams, now: number): Claim | Refusal {
  const names = ['X-Amz-Algorithm', 'X-Amz-Signature', 'X-Amz-Date', 'X-Amz-SignedHeaders', 'X-Amz-Expires'];
  const missing = names.filter((name) => !query.has(name));
  if (missing.length > 0)
    return refusal(400, 'InvalidArgument', `Required search parameters ${missing.join()} missing`);
  if (query.get('X-Amz-Algorithm') !== ALGORITHM) return refusal(400, 'InvalidRequest', `Please use ${ALGORITHM}`);
  const date = query.get('X-Amz-Date') ?? '';
  const time = timeOf(date);
  if (time === null) return refusal(400, 'InvalidArgument', "X-Amz-Date didn't parse successfully");
  const expires = Number(query.get('X-Amz-Expires'));
  if (!(expires <= MAX_EXPIRES_SECONDS)) return refusal(400, 'InvalidArgument', 'X-Amz-Expires is a week at most');
  if (expires < 1 || now > time + expires * 1000) return refusal(403, 'ExpiredRequest', 'Request has expired');
  return {
    credential: query.get('X-Amz-Credential') ?? '',
    date,
    signedHeaders: (query.get('X-Amz-SignedHeaders') ?? '').split(';'),
    signature: query.get('X-Amz-Signature') ?? '',
    payloadHash: 'UNSIGNED-PAYLOAD',
    presigned: true,
  };
}

function signatureOf(
  request: SignedParts,
  claim: Claim,
  scope: { readonly date: string; readonly region: string; readonly secretAccessKey: string },
): string {
  const canonicalRequest = [
    request.method,
    request.path,
    canonicalQuery(request.query),
    ...claim.signedHeaders.map((name) => `${name}:${(request.headers[name] ?? '').trim().replaceAll(/ +/g, ' ')}`),
    '',
    claim.signedHeaders.join(';'),
    claim.payloadHash,
  ].join('\n');
  const hash = createHash('sha256').update(canonicalRequest).digest('hex');
  const text = [ALGORITHM, claim.date, `${scope.date}/${scope.region}/s3/aws4_request`, hash].join('\n');
  const day = hmac(`AWS4${scope.secretAccessKey}`, scope.date);
  return hmac(hmac(hmac(hmac(day, scope.region), 's3'), 'aws4_request'), text).toString('hex');
}

function canonicalQuery(query: string): string {
  return [...new URLSearchParams(query)]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function timeOf(date: string): number | null {
  const fields = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  return fields === null ? null : Date.parse(date.replace(/^(....)(..)(..)T(..)(..)/, '$1-$2-$3T$4:$5:'));
}

function refusal(status: number, code: string, message: string): Refusal {
  return { status, code, message };
}
