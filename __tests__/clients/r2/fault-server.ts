import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What one request got to the server with. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export type Answer = (response: ServerResponse, request: SeenRequest) => void;

/** A server that answers as the test says, one answer a request; the last one stays. */
export interface FaultServer {
  readonly endpoint: string;
  readonly seen: SeenRequest[];
  answer(...answers: Answer[]): void;
  stop(): Promise<void>;
}

export async function startFaultServer(): Promise<FaultServer> {
  const seen: SeenRequest[] = [];
  let answers: Answer[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const record = { method, url, headers, body: Buffer.concat(chunks) };
      seen.push(record);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      answer?.(response, record);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    seen,
    answer(...next) {
      answers = next;
      seen.length = 0;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function status(code: number, body = '', headers: Record<string, string> = {}): Answer {
  return (response) => response.writeHead(code, { 'content-type': 'application/xml', ...headers }).end(body);
}

export function failure(code: number, name: string): Answer {
  return status(code, `<Error><Code>${name}</Code><Message>no</Message></Error>`);
}

export const cutConnection: Answer = (response) => void response.socket?.destroy();
export const silence: Answer = () => undefined;

/** Confirms each key that a DeleteObjects names, as S3 does. */
export const confirmDeletion: Answer = (response, request) => {
  const keys = Array.from(request.body.toString().matchAll(/<Key>([^<]*)<\/Key>/g), ([, key]) => key);
  const entries = keys.map((key) => `<Deleted><Key>${key}</Key></Deleted>`);
  status(200, `<DeleteResult>${entries.join('')}</DeleteResult>`)(response, request);
};
