import type { Cookies } from '@sveltejs/kit';
import { SESSION_SECONDS } from './auth-service.js';

/** With this prefix no other host of the same site can set the cookie, and with it a session of its choice. Browsers want HTTPS for it. */
const nameFor = ({ protocol }: URL): string => (protocol === 'https:' ? '__Host-codex-session' : 'codex-session');
const TOKEN = /^[0-9a-f]{64}$/;

/** The token in the cookie; `null` when there is none that could be one of ours. */
export function readToken(cookies: Cookies, url: URL): string | null {
  const value = cookies.get(nameFor(url));
  return value !== undefined && TOKEN.test(value) ? value : null;
}

/** Opens a session in the browser: scripts cannot read it, and other sites cannot make it sent but by a link. */
export function setToken(cookies: Cookies, url: URL, token: string): void {
  const secure = url.protocol === 'https:';
  cookies.set(nameFor(url), token, { path: '/', httpOnly: true, sameSite: 'lax', secure, maxAge: SESSION_SECONDS });
}

/** Removes it. */
export function removeToken(cookies: Cookies, url: URL): void {
  cookies.delete(nameFor(url), { path: '/', httpOnly: true, sameSite: 'lax', secure: url.protocol === 'https:' });
}
