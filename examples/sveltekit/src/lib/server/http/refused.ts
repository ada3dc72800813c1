import { error, fail, isHttpError, isRedirect } from '@sveltejs/kit';
import type { ActionFailure, RequestEvent } from '@sveltejs/kit';
import { isCloudflareClientError, RateLimitExceeded, tooManyRequests } from '@codex/cloudflare-clients';
import { limitRefusal } from '@codex/cloudflare-clients/sveltekit';
import { isWithoutCredentials } from '../media/upload-service.js';
import { Refusal } from '../refusal.js';

const NO_STORE = { 'cache-control': 'no-store' } as const;

/** JSON that nobody keeps: it is one visitor's. */
export function answer(body: unknown, init: { status?: number; headers?: Record<string, string> } = {}): Response {
  return Response.json(body, { status: init.status ?? 200, headers: { ...NO_STORE, ...init.headers } });
}

/** A handler of the API: what is refused is answered as JSON, whatever the client says that it accepts. */
export function api<Event extends RequestEvent>(
  handle: (event: Event) => Promise<Response>,
): (event: Event) => Promise<Response> {
  return async (event) => {
    try {
      return await handle(event);
    } catch (thrown) {
      if (isRedirect(thrown) || isHttpError(thrown)) throw thrown;
      if (thrown instanceof RateLimitExceeded)
        return tooManyRequests(thrown.result, { detail: limitRefusal(thrown.result).data.message });
      const refusal = refusalOf(thrown);
      if (refusal === null) throw thrown;
      return answer({ message: refusal.message }, { status: refusal.status });
    }
  };
}

/** The work of a form action: what is refused becomes its `fail`, with headers where a limit refused. */
export async function action<Result, Fault extends { message: string }>(
  { setHeaders }: Pick<RequestEvent, 'setHeaders'>,
  work: () => Promise<Result>,
  faultOf: (message: string, status: number) => Fault,
): Promise<Result | ActionFailure<Fault>> {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof RateLimitExceeded) {
      const { status, headers, data } = limitRefusal(thrown.result);
      setHeaders(headers);
      return fail(status, faultOf(data.message, status));
    }
    const refusal = refusalOf(thrown);
    if (refusal === null) throw thrown;
    return fail(refusal.status, faultOf(refusal.message, refusal.status));
  }
}

/** The work of a `load`: what is refused becomes its error page. */
export async function page<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (thrown) {
    const refusal = refusalOf(thrown);
    if (refusal === null) throw thrown;
    error(refusal.status, refusal.message);
  }
}

function refusalOf(thrown: unknown): Refusal | null {
  if (thrown instanceof Refusal) return thrown;
  if (isCloudflareClientError(thrown, 'REVOCATION_FAILED') || isCloudflareClientError(thrown, 'LOCK_TIMEOUT')) {
    return new Refusal(503, 'This is not possible at the moment. Please try again.');
  }
  return isWithoutCredentials(thrown)
    ? new Refusal(503, 'Uploads are not set up here: the bucket has no credentials.')
    : null;
}
