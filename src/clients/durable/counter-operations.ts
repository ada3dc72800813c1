import type { AddOperation } from '../../durable-objects/counter/counter-api.js';
import { CloudflareClientError } from '../../errors.js';
import { checkInteger, refusal, shownValue } from '../check-option.js';
import { checkName } from './counter-names.js';
import type { CounterChange } from './counter-types.js';

const DEFAULT_TTL_SECONDS = 86_400;
const MIN_TTL_SECONDS = 60;

/** Longest time that a key or a result is kept: 30 days. */
export const MAX_TTL_SECONDS = 2_592_000;

/** Largest number of shards. */
export const MAX_SHARDS = 128;

/** What a client knows when it makes an operation. */
export interface OperationContext {
  readonly shards: number;
  readonly newId: () => string;
}

/**
 * Resolves a change at the door.
 *
 * @param change a number is `by`.
 * @param sign -1 for a decrement.
 * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_KEY`.
 */
export function addOperation(change: unknown, sign: 1 | -1, { shards, newId }: OperationContext): AddOperation {
  const { by = 1, floor, max, ...remember } = changeOf(change);
  checkBy(by);
  for (const [name, bound] of [
    ['floor', floor],
    ['max', max],
  ] as const) {
    if (bound === undefined) continue;
    checkSafeInteger(name, bound);
    if (shards > 1) throw sharded(`Option ${name}`, shards);
  }
  return {
    kind: 'add',
    operationId: newId(),
    by: sign * by,
    floor: floor ?? null,
    max: max ?? null,
    remember: rememberedKey(remember),
  };
}

/** The error of what needs the whole value, asked of a counter that is spread. */
export function sharded(what: string, shards: number): CloudflareClientError {
  const message = `${what} needs the whole value, and this counter is spread over ${shards} objects: use one with shards: 1.`;
  return new CloudflareClientError('INVALID_OPTION', message);
}

/**
 * Refuses what cannot be a counter's value.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`.
 */
export function checkSafeInteger(name: string, value: unknown): asserts value is number {
  if (Number.isSafeInteger(value)) return;
  throw refusal(
    name,
    shownValue(value),
    `give an integer from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`,
  );
}

function changeOf(change: unknown): CounterChange {
  if (change === undefined) return {};
  if (typeof change === 'number') return { by: change };
  if (typeof change === 'object' && change !== null) return change;
  throw refusal('by', shownValue(change), 'give a number, or an object with by');
}

function checkBy(by: unknown): asserts by is number {
  if (Number.isSafeInteger(by) && by !== 0) return;
  const bounds = `${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`;
  throw refusal('by', shownValue(by), `give an integer from ${bounds} other than 0`);
}

function rememberedKey({
  idempotencyKey,
  idempotencyTtlSeconds = DEFAULT_TTL_SECONDS,
}: Pick<CounterChange, 'idempotencyKey' | 'idempotencyTtlSeconds'>): AddOperation['remember'] {
  checkInteger('idempotencyTtlSeconds', idempotencyTtlSeconds, MIN_TTL_SECONDS, MAX_TTL_SECONDS);
  if (idempotencyKey === undefined) return null;
  checkName('idempotencyKey', idempotencyKey);
  return { key: idempotencyKey, ttlMs: idempotencyTtlSeconds * 1000 };
}
