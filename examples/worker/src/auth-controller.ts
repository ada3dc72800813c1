import { Injectable, ipKey, REQUEST, toHeaders } from '@codex/cloudflare-clients';
import type { RateLimitResult } from '@codex/cloudflare-clients';
import { AuthService } from './auth-service.js';
import { CurrentSession } from './current-session.js';
import { HttpError } from './http-error.js';
import { readFields } from './json-body.js';
import { RequestEvents } from './request-events.js';

/** Sign-up, login, logout, and who is logged in. */
@Injectable(REQUEST, AuthService, CurrentSession, RequestEvents)
export class AuthController {
  constructor(
    private readonly request: Request,
    private readonly auth: AuthService,
    private readonly current: CurrentSession,
    private readonly events: RequestEvents,
  ) {}

  async signUp(): Promise<Response> {
    const { email, name, password } = await readFields(this.request, ['email', 'name', 'password']);
    const id = await this.auth.signUp(email, name, password);
    if (id === null) throw new HttpError(409, 'There is an account with this address already.');
    return Response.json({ id }, { status: 201 });
  }

  async login(): Promise<Response> {
    const { email, password } = await readFields(this.request, ['email', 'password']);
    const ip = ipKey(this.request.headers.get('cf-connecting-ip'));
    const result = await this.auth.login({ email, password, ip });
    if (result.status === 'wrong') throw new HttpError(401, 'The address or the password is wrong.');
    if (result.status === 'limited') throw tooManyAttempts(result.attempt);
    return Response.json({ status: 'welcome' }, { headers: { 'set-cookie': this.current.cookieFor(result.token) } });
  }

  async logout(): Promise<Response> {
    const { token } = this.current;
    if (token !== null) await this.auth.logout(token);
    return Response.json({ status: 'goodbye' }, { headers: { 'set-cookie': this.current.expiredCookie() } });
  }

  async logoutEverywhere(): Promise<Response> {
    const { user } = await this.current.require();
    const ended = await this.auth.logoutEverywhere(user.id);
    return Response.json({ ended }, { headers: { 'set-cookie': this.current.expiredCookie() } });
  }

  async me(): Promise<Response> {
    const { user } = await this.current.require();
    const headers = { 'cache-control': 'no-store', 'x-session': this.events.sessionSource() ?? 'none' };
    return Response.json(user, { headers });
  }
}

function tooManyAttempts(attempt: RateLimitResult): HttpError {
  const seconds = Math.ceil(attempt.retryAfterMs / 1000);
  const wait = seconds > 90 ? `${Math.ceil(seconds / 60)} minutes` : `${seconds} seconds`;
  return new HttpError(429, `Too many attempts to log in. Please wait ${wait} and try again.`, toHeaders(attempt));
}
