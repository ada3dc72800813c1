/**
 * Calls `fire` after so many milliseconds.
 *
 * @param fire what is called, once, unless it is cancelled before.
 * @param ms how long; below 0 counts as 0.
 * @param delay waits for so many milliseconds, in place of a timer; for tests.
 * @returns what cancels it.
 */
export function startTimer(
  fire: () => void,
  ms: number,
  delay: ((ms: number) => Promise<void>) | undefined,
): () => void {
  const waitMs = Math.max(0, ms);
  if (delay === undefined) {
    const timer = setTimeout(fire, waitMs);
    return () => clearTimeout(timer);
  }
  let isCancelled = false;
  void delay(waitMs).then(() => isCancelled || fire());
  return () => {
    isCancelled = true;
  };
}
