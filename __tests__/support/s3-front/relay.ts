import { request as send, type Agent, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Fault } from './faults.js';

/** What passed: the answer of the server behind, and how many bytes went to it. */
export interface Relayed {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly sentBytes: number;
  /** The body of the answer, where `keepBody` asked for it. */
  readonly body: string;
}

/** One request on its way through. */
export interface Relay {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly target: URL;
  readonly agent: Agent;
  readonly method: string;
  /** Path with query. */
  readonly url: string;
  readonly headers: Record<string, string>;
  /** A body that was read already. */
  readonly body: Buffer | null;
  readonly fault: Fault | undefined;
  readonly keepBody: boolean;
  /** The headers of the answer as they shall reach the client. */
  answerHeaders(headers: IncomingMessage['headers']): Record<string, string | string[]>;
}

/** Passes a request on and its answer back; resolves when all of the answer was passed, rejects when something was cut. */
export function relay(passing: Relay): Promise<Relayed> {
  const { incoming, outgoing, target, agent, method, url, headers, body } = passing;
  return new Promise((resolve, reject) => {
    let sentBytes = 0;
    // A refusal may close the connection while the body is under way: only what has none may use it again.
    const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
    const options = { host: target.hostname, port: target.port, method, path: url, headers };
    const upstream = send({ ...options, agent: hasBody ? false : agent });
    const fail = (error: Error): void => {
      upstream.destroy();
      outgoing.destroy();
      reject(error);
    };
    let isAnswered = false;
    upstream.on('error', (error) => {
      // An early refusal may end the connection that the rest of the body is sent on.
      if (!isAnswered) fail(error);
    });
    upstream.on('response', (answer) => {
      isAnswered = true;
      passAnswer(passing, answer).then((text) => {
        // What is left of a body that was refused.
        incoming.unpipe(upstream);
        incoming.resume();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, sentBytes, body: text });
      }, fail);
    });
    outgoing.on('close', () => {
      if (outgoing.writableFinished) return;
      upstream.destroy();
      reject(new Error('The client went away.'));
    });
    if (body !== null) {
      sentBytes = body.length;
      upstream.end(body);
      return;
    }
    const limit = cutAfter(passing.fault, 'request');
    if (limit === 0) fail(new Error('Cut.'));
    incoming.on('data', (chunk: Buffer) => {
      sentBytes += chunk.length;
      if (sentBytes >= limit) fail(new Error('Cut.'));
    });
    incoming.pipe(upstream);
  });
}

async function passAnswer(
  { outgoing, fault, keepBody, answerHeaders }: Relay,
  answer: IncomingMessage,
): Promise<string> {
  const limit = cutAfter(fault, 'response');
  if (limit === 0) {
    answer.destroy();
    throw new Error('Cut.');
  }
  const kept: Buffer[] = [];
  let passed = 0;
  outgoing.writeHead(answer.statusCode ?? 502, answerHeaders(answer.headers));
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    const rest = chunk.subarray(0, limit - passed);
    passed += rest.length;
    if (keepBody) kept.push(rest);
    if (!outgoing.write(rest)) await drained(outgoing);
    // What was written must reach the client before the end of the connection does.
    if (passed >= limit) {
      await new Promise((resolve) => outgoing.write('', resolve));
      throw new Error('Cut.');
    }
  }
  await new Promise<void>((resolve) => outgoing.end(resolve));
  return Buffer.concat(kept).toString('utf8');
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off('drain', done).off('close', done);
      resolve();
    };
    outgoing.on('drain', done).on('close', done);
  });
}

function cutAfter(fault: Fault | undefined, what: 'request' | 'response'): number {
  return fault !== undefined && 'cut' in fault && fault.cut === what ? (fault.afterBytes ?? 0) : Infinity;
}
