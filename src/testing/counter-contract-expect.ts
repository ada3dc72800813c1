import type { CounterClient } from '../clients/durable/counter-client.js';
import type { ErrorCode } from '../errors.js';

/** The part of a `CounterClient` without shards that the contract is about. A double needs these methods. */
export type CounterContractClient = Pick<
  CounterClient,
  'increment' | 'decrement' | 'incrementMany' | 'get' | 'set' | 'compareAndSet' | 'delete' | 'once'
>;

/** One behaviour that counters have. */
export interface CounterContractCase {
  /** A sentence, unique in the list. */
  readonly name: string;
  /** Runs on counters among which may be others; throws when they do not behave so. */
  run(counters: CounterContractClient): Promise<void>;
}

/** Throws unless both are the same as JSON. */
export function expectSame(actual: unknown, expected: unknown): void {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (got !== wanted) throw new Error(`expected ${wanted}, got ${got}`);
}

/** Throws unless `act` rejects with an error of this code. */
export async function expectCode(act: () => Promise<unknown>, code: ErrorCode): Promise<void> {
  let outcome: unknown;
  try {
    outcome = await act();
  } catch (error) {
    const actual = (error as { code?: unknown } | null)?.code;
    if (actual === code) return;
    throw new Error(`expected ${code}, got ${String(actual)}: ${String(error)}`, { cause: error });
  }
  throw new Error(`expected ${code}, got ${JSON.stringify(outcome)}`);
}

/** What `act` gives for 50 callers at once. */
export function fiftyTimes<T>(act: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: 50 }, (_, index) => act(index)));
}
