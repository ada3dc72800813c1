import { CloudflareClientError } from '../../../errors.js';
import type { R2CorsMethod } from '../bucket/cors-rule.js';
import { checkOptions } from '../check-options.js';
import { checkBucket } from '../object-names.js';
import type { R2Client } from '../r2-client.js';
import { internalsOf, type R2Internals } from '../r2-internals.js';
import { checkOrigins, corsNeeds, type UploadClient } from './cors-rules.js';

/** Which page, and what it does. */
export interface CheckCorsOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Origin of the page: `scheme://host[:port]`. */
  readonly origin: string;
  /** What uploads. @default 'put' */
  readonly uppy?: UploadClient | undefined;
  /** Further request headers that the page sends. @default [] */
  readonly headers?: readonly string[] | undefined;
  /** Ends the check: it rejects with `R2_ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** Something that a bucket's CORS lacks, for programs and in words. */
export interface CorsProblem {
  /** `unreachable`: no answer at all. `unknown`: the answer does not tell. */
  readonly missing: 'origin' | 'method' | 'header' | 'exposed header' | 'unreachable' | 'unknown';
  /** The method, the header, the origin. */
  readonly name: string;
  readonly message: string;
}

/** What was found. */
export interface CorsCheck {
  /** Whether uploads will work; an `unknown` does not count against it. */
  readonly ok: boolean;
  readonly problems: readonly CorsProblem[];
}

interface Probe {
  readonly url: string;
  readonly origin: string;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
}

const ALL_METHODS: readonly R2CorsMethod[] = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'];
/** Nothing is stored under it. */
const PROBE_KEY = 'cors-check';
/** No upload has this id: the part is refused, whatever the server does with conditions. */
const NO_UPLOAD_ID = 'no-such-upload';
const PROBE_SECONDS = 60;

/**
 * Asks the bucket what a browser would ask it before an upload, and says what is missing. It sends preflights, and one signed PUT of a part
 * of an upload that does not exist, which stores nothing. New rules may take 30 seconds to count.
 *
 * @returns never throws for what is merely missing or does not answer.
 * @throws {CloudflareClientError} `INVALID_OPTION`, `R2_ABORTED`
 */
export async function checkCors(r2: R2Client, options: CheckCorsOptions): Promise<CorsCheck> {
  const { bucket, origin, uppy, headers, signal } = checkOptions(options);
  checkBucket(bucket);
  checkOrigins('origin', [origin]);
  const needs = corsNeeds(uppy, headers);
  const internals = internalsOf(r2);
  const { timeoutMs } = internals.options;
  const url = `${internals.connection.config.endpoint}/${bucket}/${PROBE_KEY}`;
  const probe: Probe = { url, origin, signal, timeoutMs };
  try {
    const problems = await preflightProblems(probe, needs.methods, needs.headers);
    if (!problems.some(({ missing }) => missing === 'origin' || missing === 'unreachable')) {
      problems.push(...(await exposureProblems(internals, bucket, probe, needs.exposed)));
    }
    return { ok: problems.every(({ missing }) => missing === 'unknown'), problems };
  } catch (error) {
    if (signal?.aborted === true) {
      throw new CloudflareClientError('R2_ABORTED', `R2 CORS check of ${bucket} was aborted.`, {
        cause: signal.reason,
      });
    }
    if (error instanceof CloudflareClientError) throw error;
    return { ok: false, problems: [problem('unreachable', url, `${new URL(url).origin} did not answer.`)] };
  }
}

async function preflightProblems(
  probe: Probe,
  methods: readonly R2CorsMethod[],
  headers: readonly string[],
): Promise<CorsProblem[]> {
  const refused: R2CorsMethod[] = [];
  const problems: CorsProblem[] = [];
  for (const method of methods) {
    if (await isAllowed(probe, method, headers)) continue;
    if (!(await isAllowed(probe, method, []))) refused.push(method);
    else problems.push(...(await headerProblems(probe, method, headers)));
  }
  if (refused.length > 0) problems.unshift(...(await methodProblems(probe, methods, refused)));
  const seen = new Set<string>();
  return problems.filter(({ message }) => !seen.has(message) && seen.add(message));
}

/** A preflight that fails does not say why: the origin is at fault if no method at all gets through. */
async function methodProblems(
  probe: Probe,
  methods: readonly R2CorsMethod[],
  refused: readonly R2CorsMethod[],
): Promise<CorsProblem[]> {
  const { origin } = probe;
  const isKnown = refused.length < methods.length || (await anyAllowed(probe));
  if (!isKnown) {
    const why = `No CORS rule of the bucket allows the origin ${origin}. It must stand in AllowedOrigins exactly so.`;
    return [problem('origin', origin, why)];
  }
  return refused.map((method) =>
    problem('method', method, `The CORS rules allow ${origin}, but not the method ${method}.`),
  );
}

async function anyAllowed(probe: Probe): Promise<boolean> {
  for (const method of ALL_METHODS) if (await isAllowed(probe, method, [])) return true;
  return false;
}

async function headerProblems(probe: Probe, method: R2CorsMethod, headers: readonly string[]): Promise<CorsProblem[]> {
  const problems: CorsProblem[] = [];
  for (const name of headers) {
    if (await isAllowed(probe, method, [name])) continue;
    problems.push(problem('header', name, `The CORS rules do not list the request header ${name} in AllowedHeaders.`));
  }
  if (problems.length > 0) return problems;
  const all = headers.join(', ');
  return [problem('header', all, `No single CORS rule lists all of these request headers: ${all}.`)];
}

/** Whether a browser would go on after this preflight. */
async function isAllowed(probe: Probe, method: R2CorsMethod, headers: readonly string[]): Promise<boolean> {
  const answer = await send(probe, probe.url, {
    method: 'OPTIONS',
    headers: {
      origin: probe.origin,
      'access-control-request-method': method,
      ...(headers.length > 0 && { 'access-control-request-headers': headers.join(',') }),
    },
  });
  if (!answer.ok || !allowsOrigin(answer, probe.origin)) return false;
  const methods = listed(answer, 'access-control-allow-methods');
  const allowed = listed(answer, 'access-control-allow-headers');
  return (
    (methods.includes(method.toLowerCase()) || methods.includes('*')) &&
    headers.every((name) => allowed.includes(name) || allowed.includes('*'))
  );
}

async function exposureProblems(
  internals: R2Internals,
  bucket: string,
  probe: Probe,
  names: readonly string[],
): Promise<CorsProblem[]> {
  const query = { partNumber: '1', uploadId: NO_UPLOAD_ID };
  const request = { method: 'PUT', bucket, key: PROBE_KEY, query, expiresIn: PROBE_SECONDS } as const;
  const url = internals.presigner.presign(request);
  const answer = await send(probe, url, { method: 'PUT', headers: { origin: probe.origin }, body: '' });
  const exposed = listed(answer, 'access-control-expose-headers');
  const missing = names.filter((name) => !exposed.includes(name.toLowerCase()) && !exposed.includes('*'));
  if (exposed.length === 0 && !allowsOrigin(answer, probe.origin)) {
    const why = `Whether ${missing.join(', ')} is exposed could not be seen: the answer (HTTP ${answer.status}) has no CORS headers.`;
    return [problem('unknown', missing.join(', '), why)];
  }
  return missing.map((name) => {
    const why = `The CORS rules do not list ${name} in ExposeHeaders: uploads in parts cannot be completed without it.`;
    return problem('exposed header', name, why);
  });
}

async function send({ signal, timeoutMs }: Probe, url: string, init: RequestInit): Promise<Response> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const answer = await fetch(url, {
    ...init,
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
  });
  await answer.body?.cancel();
  return answer;
}

function allowsOrigin({ headers }: Response, origin: string): boolean {
  const allowed = headers.get('access-control-allow-origin');
  return allowed === origin || allowed === '*';
}

function listed({ headers }: Response, name: string): string[] {
  return (headers.get(name) ?? '')
    .toLowerCase()
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

function problem(missing: CorsProblem['missing'], name: string, message: string): CorsProblem {
  return { missing, name, message };
}
