import { Injectable, REQUEST } from '@codex/cloudflare-clients';
import type { CachedSession } from '@codex/cloudflare-clients';
import { AuthService, SESSION_SECONDS } from './auth-service.js';
import { HttpError } from './http-error.js';

const COOKIE = 'codex-session';
const TOKEN = /^[0-9a-f]{64}$/;

/** The session of the request being served. */
@Injectable(REQUEST, AuthService)
export class CurrentSession {
  constructor(
    private readonly request: Request,
    private readonly auth: AuthService,
  ) {}

  /** The token in the cookie; `null` when there is none that could be one of ours. */
  get token(): string | null {
    const cookies = (this.request.headers.get('cookie') ?? '').split(/;\s*/);
    const value = cookies.find((cookie) => cookie.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
    return value !== undefined && TOKEN.test(value) ? value : null;
  }

  /** The session; whoever has none is refused. */
  async require(): Promise<CachedSession> {
    const session = this.token === null ? null : await this.auth.find(this.token);
    if (session === null) throw new HttpError(401, 'Please log in.');
    return session;
  }

  /** The cookie that opens a session; scripts in the page cannot read it. */
  cookieFor(token: string): string {
    return this.cookie(token, SESSION_SECONDS);
  }

  /** The cookie that removes it. */
  expiredCookie(): string {
    return this.cookie('', 0);
  }

  private cookie(value: string, maxAgeSeconds: number): string {
    const secure = new URL(this.request.url).protocol === 'https:' ? '; Secure' : '';
    return `${COOKIE}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`;
  }
}
