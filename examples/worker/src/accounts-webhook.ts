import { COUNTER_CLIENT, Injectable, REQUEST } from '@codex/cloudflare-clients';
import type { CounterClient } from '@codex/cloudflare-clients';
import { AuthService } from './auth-service.js';
import { readBytes } from './bounded-body.js';
import { HttpError } from './http-error.js';
import { WEBHOOK_VERIFIER } from './tokens.js';
import type { WebhookVerifier } from './webhook-signature.js';

const REFUSALS = {
  malformed: 'The signature or its time is missing.',
  forged: 'The signature is wrong.',
  expired: 'The signature is too old, or of the future.',
} as const;
/** What ends all sessions of a user. */
const REVOKING: readonly unknown[] = ['user.disabled', 'password.changed'];

/** What the account service tells: a user was disabled, a password was changed elsewhere. */
@Injectable(REQUEST, WEBHOOK_VERIFIER, AuthService, COUNTER_CLIENT)
export class AccountsWebhook {
  constructor(
    private readonly request: Request,
    private readonly verifier: WebhookVerifier,
    private readonly auth: AuthService,
    private readonly counters: CounterClient,
  ) {}

  /** Revokes once per event, however often it is delivered; other events are taken and left alone. */
  async receive(): Promise<Response> {
    const body = await readBytes(this.request);
    const refusal = await this.verifier.check(this.request.headers, body);
    if (refusal !== null) throw new HttpError(401, REFUSALS[refusal]);
    const { id, type, userId } = read(new TextDecoder().decode(body));
    if (!REVOKING.includes(type)) return Response.json({ status: 'ignored' }, { status: 202 });
    const { value, replayed } = await this.counters.once(`webhook:${id}`, () => this.auth.logoutEverywhere(userId));
    return Response.json({ status: replayed ? 'done before' : 'done', ended: value });
  }
}

function read(body: string): { id: string; type: string; userId: string } {
  try {
    const { id, type, userId } = JSON.parse(body) as Record<string, unknown>;
    if (isId(id) && isId(type) && isId(userId)) return { id, type, userId };
  } catch {
    // Told below.
  }
  throw new HttpError(400, 'An event has an id, a type and a userId.');
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= 200;
}
