import { holdsDisposables } from '../providers/request-scope.js';
import type { RequestScope } from '../providers/request-scope.js';
import type { BackgroundWork } from './background-work.js';

/** A scope that an entry opened, and the work that may still use it when the handler is done. */
export interface OpenedScope {
  readonly scope: RequestScope;
  /** Missing where there is no execution context. */
  readonly work: BackgroundWork | undefined;
}

/**
 * Disposes a scope when its background work is done. The caller's outcome is not changed by it: what fails to dispose is logged.
 *
 * @param opened the scope; one that holds nothing to dispose is left alone.
 * @returns a promise that never rejects.
 */
export async function endScope({ scope, work }: OpenedScope): Promise<void> {
  if (!holdsDisposables(scope)) return;
  await work?.drained();
  try {
    await scope.dispose();
  } catch (error) {
    // Whoever asked has their answer already, and a promise that rejects in the background ends a process of Node.
    // eslint-disable-next-line no-console
    console.error(error);
  }
}

/** As {@link endScope}, without being waited for. */
export function endScopeLater(opened: OpenedScope): void {
  if (!holdsDisposables(opened.scope)) return;
  const end = endScope(opened);
  opened.work?.keepAlive(end);
}
