import { createHmac } from 'node:crypto';
import { WebhookVerifier } from '../../examples/worker/src/webhook-signature.js';

const SECRET = 'a secret of the account service';
const NOW = Date.parse('2026-11-28T00:00:00Z');
const BODY = JSON.stringify({ id: 'e1', type: 'user.disabled', userId: 'u1' });

function signed(body: string, { secret = SECRET, ageSeconds = 0 } = {}): Headers {
  const timestamp = String(NOW / 1000 - ageSeconds);
  const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
  return new Headers({ 'x-codex-timestamp': timestamp, 'x-codex-signature': signature });
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const verifier = new WebhookVerifier(SECRET, () => NOW);

test('takes what the account service signed, within five minutes either way', async () => {
  for (const ageSeconds of [0, 300, -300])
    expect(await verifier.check(signed(BODY, { ageSeconds }), bytes(BODY))).toBeNull();
});

test.each([301, -301, 86_400])('refuses a signature of %i seconds ago as expired', async (ageSeconds) => {
  expect(await verifier.check(signed(BODY, { ageSeconds }), bytes(BODY))).toBe('expired');
});

test('refuses another secret, another body and another time as forged', async () => {
  expect(await verifier.check(signed(BODY, { secret: 'another' }), bytes(BODY))).toBe('forged');
  expect(await verifier.check(signed(BODY), bytes(BODY.replace('u1', 'u2')))).toBe('forged');
  const headers = signed(BODY, { ageSeconds: 600 });
  headers.set('x-codex-timestamp', String(NOW / 1000));
  expect(await verifier.check(headers, bytes(BODY))).toBe('forged');
});

test.each([
  ['no headers', new Headers()],
  ['a short signature', new Headers({ 'x-codex-timestamp': '1', 'x-codex-signature': 'ab' })],
  ['a time that is no number', new Headers({ 'x-codex-timestamp': '1e9', 'x-codex-signature': 'a'.repeat(64) })],
])('refuses %s as malformed', async (_what, headers) => {
  expect(await verifier.check(headers, bytes(BODY))).toBe('malformed');
});

test('is not made without a secret', () => {
  expect(() => new WebhookVerifier('')).toThrow('The secret of the webhooks is not set.');
});
