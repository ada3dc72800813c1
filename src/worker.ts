// A Worker that does nothing but hold the Durable Objects, for apps that cannot export classes of their own, such as SvelteKit: deploy it with
// coordination-worker/wrangler.jsonc and bind its classes by `script_name`.

export { CounterObject, LockObject, RateLimiterObject, SessionObject } from './durable-objects.js';

const NOTICE =
  'This Worker holds Durable Objects of @codex/cloudflare-clients and serves nothing else. Bind them by script_name.\n';

/** The handler of the Worker: 404 to every request, as its objects are called by bindings alone. */
const worker = {
  /** Says what the Worker is. */
  fetch(): Response {
    return new Response(NOTICE, { status: 404, headers: { 'Content-Type': 'text/plain; charset=utf-8' } });
  },
};

// eslint-disable-next-line no-restricted-syntax -- workerd takes the handlers of a Worker from its default export.
export default worker;
