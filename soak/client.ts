import { request, type IncomingMessage } from 'node:http';
import { FAULT_HEADER, INJECTED_HEADER, writeFault } from './faults.js';
import type { Fate } from './plan.js';

/** How a request ended: a connection that breaks off is the server's doing, one that is cut the client's. */
export type Outcome = 'answered' | 'cut' | 'broken' | 'hung';

/** What a client wrote down of a request. */
export interface Exchange {
  readonly name: string;
  readonly outcome: Outcome;
  /** 0 where no answer came. */
  readonly status: number;
  readonly body: Buffer;
  readonly headers: IncomingMessage['headers'];
  readonly sentAt: number;
  readonly answeredAt: number;
  readonly fate: Fate;
  /** Operations that the fault hit. */
  readonly injected: number;
}

/** A request to make. */
export interface Ask {
  readonly name: string;
  readonly method?: string;
  readonly url: string;
  readonly cookie?: string | undefined;
  readonly json?: unknown;
  readonly body?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  readonly fate?: Fate | undefined;
}

export const NO_FATE: Fate = { fault: null, leaves: null };

/** A client with so many requests under way at most, each on a connection of its own, with a deadline. It keeps what it saw. */
export class SoakClient {
  readonly exchanges: Omit<Exchange, 'body'>[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #deadlineMs: number;
  #free: number;

  constructor({ concurrency, deadlineMs }: { readonly concurrency: number; readonly deadlineMs: number }) {
    this.#free = concurrency;
    this.#deadlineMs = deadlineMs;
  }

  async send(ask: Ask): Promise<Exchange> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      const exchange = await exchangeOf(ask, this.#deadlineMs);
      const { body: _, ...kept } = exchange;
      this.exchanges.push(kept);
      return exchange;
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

function exchangeOf(ask: Ask, deadlineMs: number): Promise<Exchange> {
  const { fate = NO_FATE } = ask;
  const content = ask.json === undefined ? ask.body : Buffer.from(JSON.stringify(ask.json));
  const headers = {
    ...(ask.cookie !== undefined && { cookie: ask.cookie }),
    ...(ask.json !== undefined && { 'content-type': 'application/json' }),
    ...(content !== undefined && { 'content-length': String(content.length) }),
    ...(fate.fault !== null && { [FAULT_HEADER]: writeFault(fate.fault) }),
    ...ask.headers,
  };
  const sentAt = performance.now();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let answer: IncomingMessage | undefined;
    let isCut = false;
    const timers: NodeJS.Timeout[] = [];
    const end = (outcome: Outcome): void => {
      for (const timer of timers) clearTimeout(timer);
      resolve({
        name: ask.name,
        outcome,
        status: answer?.statusCode ?? 0,
        body: Buffer.concat(chunks),
        headers: answer?.headers ?? {},
        sentAt,
        answeredAt: performance.now(),
        fate,
        injected: Number(answer?.headers[INJECTED_HEADER] ?? 0),
      });
    };
    const outgoing = request(ask.url, { method: ask.method ?? 'GET', headers, agent: false });
    const leave = (outcome: Outcome) => (): void => {
      isCut = true;
      end(outcome);
      outgoing.socket?.resetAndDestroy();
      outgoing.destroy();
    };
    timers.push(setTimeout(leave('hung'), deadlineMs));
    if (fate.leaves !== null && fate.leaves !== 'mid-stream')
      timers.push(setTimeout(leave('cut'), fate.leaves.afterMs));
    outgoing.on('error', () => isCut || end('broken'));
    outgoing.on('response', (incoming) => {
      answer = incoming;
      incoming.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        if (fate.leaves === 'mid-stream') leave('cut')();
      });
      incoming.on('error', () => isCut || end('broken'));
      incoming.on('end', () => isCut || end(incoming.complete ? 'answered' : 'broken'));
    });
    outgoing.end(content);
  });
}
