import type { FrontRequest } from './operations.js';

/**
 * What befalls a request.
 *
 * - `cut: 'request'`: the connection ends when so many bytes of the body were passed on; the server does not see the rest.
 * - `cut: 'response'`: the server does its work; the connection ends after so many bytes of its answer (0: before the head).
 * - `status`: answered here with S3's error of that `code`; the server is not asked.
 * - `delayMs`, `until`: passed on later.
 */
export type Fault =
  | { readonly cut: 'request' | 'response'; readonly afterBytes?: number }
  | { readonly status: number; readonly code?: string; readonly headers?: Readonly<Record<string, string>> }
  | { readonly delayMs: number }
  | { readonly until: Promise<unknown> };

interface Planned {
  readonly when: (request: FrontRequest) => boolean;
  readonly fault: Fault;
  left: number;
}

/** The faults that a test planned, each for the first so many requests that fit. */
export class FaultPlan {
  #planned: Planned[] = [];

  add(when: Planned['when'], fault: Fault, times: number): void {
    this.#planned.push({ when, fault, left: times });
  }

  clear(): void {
    this.#planned = [];
  }

  take(request: FrontRequest): Fault | undefined {
    const planned = this.#planned.find(({ left, when }) => left > 0 && when(request));
    if (planned === undefined) return undefined;
    planned.left -= 1;
    return planned.fault;
  }
}
