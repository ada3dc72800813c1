import type {
  CheckReply,
  CheckRequest,
  ObjectRule,
  RefundRequest,
} from '../../durable-objects/rate-limit/rate-limit-api.js';
import { CloudflareClientError } from '../../errors.js';
import type { RateLimitAttempt, RateLimitDecision, RateLimitRule } from './rate-limit-store.js';

/** What the state machine is asked about an attempt. */
export function checkRequest(
  { rules, cost, countRejected, requestId }: RateLimitAttempt,
  operationId: () => string,
): CheckRequest {
  const named = requestId !== undefined;
  return {
    rules: rules.map(toObjectRule),
    cost,
    countRejected,
    operationId: named ? attemptId(requestId) : operationId(),
    // A named attempt counts as long as the longest window; others are tried again within seconds.
    rememberMs: named ? Math.max(...rules.map(({ windowMs }) => windowMs)) : 0,
  };
}

/** What the state machine is asked for a refund. */
export function refundRequest({ rules, cost, requestId }: RateLimitAttempt, operationId: () => string): RefundRequest {
  const request = { rules: rules.map(toObjectRule), cost, operationId: operationId() };
  return requestId === undefined ? request : { ...request, attemptId: attemptId(requestId) };
}

/** A rule as the state machine takes it, with what is left out filled in. */
export function toObjectRule({
  algorithm = 'sliding-window',
  limit,
  windowMs,
  burst = limit,
}: RateLimitRule): ObjectRule {
  return { algorithm, limit, windowMs, burst };
}

/** What the state machine's answer says to a client: units that were leased are its own as well, and a block leaves nothing. */
export function toDecision(
  { allowed, reason, rules, retryAfterMs, leased }: CheckReply,
  now: number,
  by: Pick<RateLimitDecision, 'decidedBy' | 'approximate'>,
): RateLimitDecision {
  const decisions = rules.map((rule) =>
    reason === 'blocked'
      ? { remaining: 0, resetAt: Math.max(rule.resetAt, now + retryAfterMs), retryAfterMs }
      : { ...rule, remaining: rule.remaining + leased },
  );
  return { allowed, reason, rules: decisions, retryAfterMs, ...by };
}

/**
 * Takes what an object answered for what it should be. Objects of other classes have a method of that name as well.
 *
 * @throws {CloudflareClientError} `INVALID_BINDING`.
 */
export function checkedReply(reply: CheckReply): CheckReply {
  if (Array.isArray((reply as Partial<CheckReply> | null)?.rules)) return reply;
  const remedy = 'check that the binding names RateLimiterObject of @codex/cloudflare-clients/durable-objects';
  throw new CloudflareClientError('INVALID_BINDING', `The bound object does not limit rates: ${remedy}.`);
}

/** The operation id of a named attempt, told apart from ids that are made. */
function attemptId(requestId: string): string {
  return `request:${requestId}`;
}
