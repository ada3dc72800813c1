import { CloudflareClientError } from '../../../errors.js';
import { checkFunction, checkOptions } from '../check-options.js';
import { shown } from '../object-names.js';
import type { R2Client } from '../r2-client.js';
import { internalsOf } from '../r2-internals.js';
import { checkHeaderNames, checkOrigins } from './cors-rules.js';
import { checkBoolean } from '../signing/upload-limits.js';
import { readJsonObject } from './json-body.js';
import {
  corsHeaders,
  jsonAnswer,
  preflightAnswer,
  refusalAnswer,
  refusalOf,
  type UploadCors,
} from './upload-answer.js';
import { resolvePolicy, type UploadGrant, type UploadPolicyOptions } from './upload-policy.js';
import { UploadRefused } from './upload-refused.js';
import { methodsOf } from './upload-routes.js';
import { callbacksFor } from './uppy-callbacks.js';

/** How a handler of uploads works. */
export interface UploadHandlerOptions extends UploadPolicyOptions, Omit<UploadGrant, 'prefix'> {
  /**
   * Says who calls, and what they may upload. Called for every request but preflights, before anything else is done; leave the
   * body unread. What it throws, the handler throws.
   *
   * @returns the caller's prefix, and limits where they differ from the handler's; a `Response` to answer with (a redirect, a
   * 401); `null` for 403.
   */
  readonly authorize: (request: Request) => UploadGrant | Response | null | Promise<UploadGrant | Response | null>;
  /**
   * The path that the routes stand below: with `/api/uploads` it is `/api/uploads/s3/params`, and Uppy's endpoint is `/api/uploads`.
   *
   * @default '' (the root)
   */
  readonly basePath?: string | undefined;
  /**
   * Origins of pages that may call besides those of the handler's own host: `https://app.example`. This is the CORS of the handler, not of
   * the bucket. A request with any other `Origin` is refused.
   *
   * @default []
   */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Request headers that such a page may send. @default ['authorization', 'content-type'] */
  readonly allowedHeaders?: readonly string[] | undefined;
  /** Whether such a page may send cookies. They must be `SameSite=None` then: see the guide on CSRF. @default false */
  readonly allowCredentials?: boolean | undefined;
  /** Told of what R2 refused or failed at: the client only learns that the storage failed. @default nobody */
  readonly onError?: ((error: CloudflareClientError, request: Request) => void) | undefined;
}

/**
 * Answers the requests by which a browser uploads straight to R2: Companion's S3 protocol, as `@uppy/aws-s3` 4 and 5 (`endpoint`) and 6
 * (`companionEndpoint`, parts only) speak it, and `POST /s3/sign` for Uppy 6's `signRequest`. The bytes never pass the Worker.
 *
 * On every route the key is confined to the prefix that `authorize` grants. Answers are JSON, errors `{ code, message }`.
 * Routes: `GET /s3/params`, `POST /s3/multipart`, `GET` and `DELETE /s3/multipart/:uploadId`, `GET /s3/multipart/:uploadId/:partNumber`,
 * `GET /s3/multipart/:uploadId/batch`, `POST /s3/multipart/:uploadId/complete`, `POST /s3/sign`.
 *
 * @returns the handler; it rejects only with what `authorize`, `keyFor` or a wrong option throws.
 * @throws {CloudflareClientError} `INVALID_OPTION`
 * @example
 * ```ts
 * const r2 = new R2Client({ accountId: '...', accessKeyId: '...', secretAccessKey: '...' });
 * const uploads = createUploadHandler(r2, {
 *   bucket: 'codex-media-production',
 *   basePath: '/api/uploads',
 *   allowedTypes: ['video/*', 'audio/*'],
 *   maxSizeBytes: 10 * 1024 ** 3,
 *   authorize(request) {
 *     const creator = request.headers.get('x-creator'); // in an app: from its session
 *     return creator === null ? null : { prefix: `${creator}/originals/` };
 *   },
 * });
 * const response = await uploads(new Request('https://app.example/api/uploads/s3/params?filename=a.mp4&size=5'));
 * ```
 */
export function createUploadHandler(
  r2: R2Client,
  options: UploadHandlerOptions,
): (request: Request) => Promise<Response> {
  internalsOf(r2);
  const { authorize, basePath = '', onError } = checkOptions(options);
  checkFunction('authorize', authorize);
  if (onError !== undefined) checkFunction('onError', onError);
  // What is wrong with the options shows now, and not at the first request.
  resolvePolicy({ ...options, prefix: 'check/' });
  const root = `${checkBasePath(basePath)}/s3/`;
  const cors = resolveCors(options);
  return async (request) => {
    const headers = corsHeaders(request, cors);
    if (headers === null) {
      return refusalAnswer(new UploadRefused('ORIGIN_NOT_ALLOWED', 'Pages of this origin may not upload.'));
    }
    if (request.method === 'OPTIONS') return preflightAnswer(headers, cors);
    const granted = await authorize(request);
    if (granted instanceof Response) return withHeaders(granted, headers);
    try {
      if (granted === null) throw new UploadRefused('NOT_ALLOWED', 'You may not upload here.');
      return jsonAnswer(200, await answer(r2, request, limited(options, granted), root), headers);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === null) throw error;
      if (error instanceof CloudflareClientError && error !== refusal) tell(onError, error, request);
      return refusalAnswer(refusal, { ...headers, ...allowHeader(refusal, request, root) });
    }
  };
}

/** The grant and nothing else of what authorize knows; a limit that it leaves `undefined` is the handler's. */
function limited(options: UploadHandlerOptions, granted: UploadGrant): UploadPolicyOptions & UploadGrant {
  const { prefix, allowedTypes = options.allowedTypes, maxSizeBytes = options.maxSizeBytes } = granted;
  return { ...options, prefix, allowedTypes, maxSizeBytes };
}

async function answer(
  r2: R2Client,
  request: Request,
  options: UploadPolicyOptions & UploadGrant,
  root: string,
): Promise<unknown> {
  const url = new URL(request.url);
  const path = pathOf(url, root);
  const methods = methodsOf(path);
  const route = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined;
  if (route === undefined) throw new UploadRefused('METHOD_NOT_ALLOWED', `${request.method} is not possible here.`);
  const body = (): ReturnType<typeof readJsonObject> => readJsonObject(request);
  const call = { method: request.method, path, query: url.searchParams, body };
  return await route(callbacksFor(r2, resolvePolicy(options)), call);
}

function pathOf(url: URL, root: string): string[] {
  if (!url.pathname.startsWith(root)) throw new UploadRefused('NOT_FOUND', 'There is nothing at this address.');
  try {
    return url.pathname.slice(root.length).split('/').map(decodeURIComponent);
  } catch {
    throw new UploadRefused('NOT_FOUND', 'There is nothing at this address.');
  }
}

function allowHeader({ reason }: UploadRefused, request: Request, root: string): Record<string, string> {
  if (reason !== 'METHOD_NOT_ALLOWED') return {};
  return { allow: Object.keys(methodsOf(pathOf(new URL(request.url), root))).join(', ') };
}

/** A helper's failure never changes the answer. */
function tell(onError: UploadHandlerOptions['onError'], error: CloudflareClientError, request: Request): void {
  try {
    // An async function is taken for one that answers nothing; its rejection would end a Node process.
    const told: unknown = onError?.(error, request);
    if (told instanceof Promise) told.catch(() => undefined);
  } catch {
    // It was only told.
  }
}

function withHeaders(response: Response, headers: Record<string, string>): Response {
  const copy = new Response(response.body, response);
  for (const [name, value] of Object.entries(headers)) {
    // Two of any other make CORS fail.
    if (name === 'vary') copy.headers.append(name, value);
    else copy.headers.set(name, value);
  }
  return copy;
}

function resolveCors(options: UploadHandlerOptions): UploadCors {
  const { allowedOrigins = [], allowedHeaders = ['authorization', 'content-type'], allowCredentials = false } = options;
  checkOrigins('allowedOrigins', allowedOrigins);
  checkHeaderNames('allowedHeaders', allowedHeaders);
  checkBoolean('allowCredentials', allowCredentials);
  // Copies: what was checked is what counts.
  return { origins: [...allowedOrigins], headers: [...allowedHeaders], credentials: allowCredentials };
}

function checkBasePath(basePath: unknown): string {
  const isPath = typeof basePath === 'string' && (basePath === '' || /^\/[^?#]*[^/?#]$/.test(basePath));
  if (isPath) return basePath;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `basePath ${shown(basePath)} must be empty, or begin with a slash and not end in one.`,
  );
}
