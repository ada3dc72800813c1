/** What can befall the bindings during one request; `x-soak-fault` carries it, with how many operations it hits. */
export type FaultKind =
  | 'kv-error'
  | 'kv-hang'
  | 'kv-stale'
  | 'object-retryable'
  | 'object-lost'
  | 'object-reset'
  | 'object-overloaded'
  | 'object-down'
  | 'r2-error'
  | 'r2-cut';

/** A fault of one request. */
export interface Fault {
  readonly kind: FaultKind;
  /** How many operations it hits; `Infinity` for all. */
  readonly times: number;
}

/** The header that carries a fault, and the one that answers how many operations it hit. */
export const FAULT_HEADER = 'x-soak-fault';
export const INJECTED_HEADER = 'x-soak-injected';

/** What a request is done with: its fault, and what of it is left. */
export class FaultState {
  injected = 0;
  readonly #fault: Fault | null;

  constructor(fault: Fault | null) {
    this.#fault = fault;
  }

  /** Whether the fault hits this operation; counts it. */
  hits(kind: FaultKind): boolean {
    if (this.#fault?.kind !== kind || this.injected >= this.#fault.times) return false;
    this.injected += 1;
    return true;
  }
}

/** The header's text. */
export function writeFault({ kind, times }: Fault): string {
  return `${kind}:${times === Infinity ? 'all' : times}`;
}

/** Reads the header; `null` for none. */
export function readFault(text: string | null): Fault | null {
  if (text === null) return null;
  const [kind = '', times = '1'] = text.split(':');
  return { kind: kind as FaultKind, times: times === 'all' ? Infinity : Number(times) };
}

/** Milliseconds by which a stale read may be behind. */
export const STALENESS_MS = 5_000;
