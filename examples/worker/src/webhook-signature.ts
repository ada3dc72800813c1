const WINDOW_SECONDS = 300;
const TIMESTAMP = /^\d{1,12}$/;
const SIGNATURE = /^[0-9a-f]{64}$/;

/** Why a webhook is refused. */
export type WebhookRefusal = 'malformed' | 'expired' | 'forged';

/**
 * Checks webhooks: `x-codex-timestamp` (seconds of the epoch) and `x-codex-signature`, the HMAC-SHA-256 of `{timestamp}.{body}` in hexadecimal. What is
 * older or newer than 5 minutes is refused, so a request that was overheard cannot be sent again later; within the window the id of the event tells.
 */
export class WebhookVerifier {
  readonly #secret: string;
  readonly #now: () => number;

  /** @param now the clock, in milliseconds since the epoch; `Date.now` unless told. */
  constructor(secret: string, now: () => number = Date.now) {
    if (secret === '') throw new Error('The secret of the webhooks is not set.');
    this.#secret = secret;
    this.#now = now;
  }

  /** The bytes as they came, which is what was signed. `null` when the webhook is genuine and recent; otherwise why not. */
  async check(headers: Headers, body: Uint8Array): Promise<WebhookRefusal | null> {
    const timestamp = headers.get('x-codex-timestamp') ?? '';
    const signature = headers.get('x-codex-signature') ?? '';
    if (!TIMESTAMP.test(timestamp) || !SIGNATURE.test(signature)) return 'malformed';
    // The signature first: who cannot sign learns nothing of the window. `verify` takes as long for every wrong one.
    const bytes = Uint8Array.from(signature.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    const signed = Uint8Array.from([...new TextEncoder().encode(`${timestamp}.`), ...body]);
    if (!(await crypto.subtle.verify('HMAC', await keyOf(this.#secret), bytes, signed))) return 'forged';
    return Math.abs(this.#now() / 1000 - Number(timestamp)) > WINDOW_SECONDS ? 'expired' : null;
  }
}

function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(secret);
  return crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']);
}
