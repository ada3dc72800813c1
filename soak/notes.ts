import type { Exchange } from './client.js';
import type { AcceptedCall, ListRead, Publication, SignedInCall } from './oracles.js';

/** A file that was reported as stored. */
export interface StoredUpload {
  readonly key: string;
  readonly sha256: string;
}

/** What the clients noted for the checks at the end. */
export class Notes {
  readonly accepted: AcceptedCall[] = [];
  /** Identifiers whose limit objects were made unreachable. */
  readonly withoutObjects = new Set<string>();
  readonly signedIn: SignedInCall[] = [];
  /** When the end of a session was acknowledged. */
  readonly endedAt = new Map<string, number>();
  /** Sessions whose end was asked for: from then on either answer is right, until the end is acknowledged. */
  readonly ending = new Set<string>();
  readonly reads: ListRead[] = [];
  readonly published: Publication[] = [];
  readonly uploads: StoredUpload[] = [];
  readonly segments: { name: string; sent: string; received: string }[] = [];
  readonly views = new Map<string, { acknowledged: number; unknown: number }>();
  /** Answers that are neither a success nor a refusal that the step could expect. */
  readonly surprises: string[] = [];
  /** Attempts that clients made again, by kind of traffic. */
  readonly retries = new Map<string, number>();

  /** Faults that befell requests to S3, by kind. */
  readonly s3Faults = new Map<'500' | 'cut', number>();

  befell(kind: '500' | 'cut'): void {
    this.s3Faults.set(kind, (this.s3Faults.get(kind) ?? 0) + 1);
  }

  retried(name: string): void {
    this.retries.set(name, (this.retries.get(name) ?? 0) + 1);
  }

  counted(mediaId: string, exchange: Exchange): void {
    const known = this.views.get(mediaId) ?? { acknowledged: 0, unknown: 0 };
    const isKnown = exchange.outcome === 'answered';
    if (isKnown && exchange.status === 200) known.acknowledged += 1;
    else if (!isKnown || exchange.status >= 500) known.unknown += 1;
    this.views.set(mediaId, known);
  }

  /** Notes an answer that should have been one of these, or a 5xx, which is judged elsewhere. */
  expect(exchange: Exchange, ...statuses: number[]): boolean {
    if (exchange.outcome !== 'answered' || exchange.status >= 500) return false;
    if (statuses.includes(exchange.status)) return true;
    const fault = exchange.fate.fault?.kind ?? 'no fault';
    this.surprises.push(
      `${exchange.name} answered ${exchange.status} (${fault}): ${exchange.body.toString().slice(0, 80)}`,
    );
    return false;
  }
}

/** The JSON of an answer. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- what the address is known to answer
export function jsonOf<T>(exchange: Exchange): T {
  return JSON.parse(exchange.body.toString()) as T;
}
