import { redirect } from '@sveltejs/kit';
import type { RequestEvent } from '@sveltejs/kit';
import { ipKey } from '@codex/cloudflare-clients';
import { Refusal } from '../refusal.js';
import type { Origin } from './auth-service.js';
import type { SignedIn } from './signed-in.js';

/** Who is signed in, for a page: others are sent to the login, and come back from there. */
export function requireVisitor({ locals, url }: Pick<RequestEvent, 'locals' | 'url'>): SignedIn {
  if (locals.visitor !== null) return locals.visitor;
  // An action (`?/publish`) cannot be gone to: its page can.
  const search = url.search.startsWith('?/') ? '' : url.search;
  redirect(303, `/login?next=${encodeURIComponent(url.pathname + search)}`);
}

/**
 * Who is signed in, for the API.
 *
 * @throws {Refusal} 401
 */
export function requireUser({ locals }: Pick<RequestEvent, 'locals'>): SignedIn {
  if (locals.visitor === null) throw new Refusal(401, 'Please sign in.');
  return locals.visitor;
}

/** Where a request comes from; the /64 of an IPv6 address counts as one. */
export function originOf({ request, getClientAddress }: Pick<RequestEvent, 'request' | 'getClientAddress'>): Origin {
  return { ip: ipKey(getClientAddress()), userAgent: request.headers.get('user-agent') ?? '' };
}

/** A path of this app to go to after the login; anything else is `/library`. */
export function safeNext(next: unknown): string {
  const base = 'https://codex.invalid';
  if (typeof next !== 'string' || !next.startsWith('/') || !URL.canParse(next, base)) return '/library';
  const url = new URL(next, base);
  // What dots leave of `/..//evil.example` is another host once more.
  return url.origin === base && !url.pathname.startsWith('//') ? url.pathname + url.search : '/library';
}
