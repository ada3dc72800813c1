/** Throws unless both are the same as JSON, Maps as lists of pairs. */
export function expectSame(actual: unknown, expected: unknown): void {
  const [got, wanted] = [show(actual), show(expected)];
  if (got !== wanted) throw new Error(`expected ${wanted}, got ${got}`);
}

/** Throws unless `act` throws or rejects with an error that says exactly `message`. */
export async function expectFailure(act: () => Promise<unknown>, message: string): Promise<void> {
  let outcome: unknown;
  try {
    outcome = await act();
  } catch (error) {
    expectSame(error instanceof Error ? error.message : error, message);
    return;
  }
  throw new Error(`expected a failure "${message}", got ${show(outcome)}`);
}

function show(value: unknown): string {
  return JSON.stringify(value instanceof Map ? [...value] : value, (_key, part: unknown) => part ?? null);
}
