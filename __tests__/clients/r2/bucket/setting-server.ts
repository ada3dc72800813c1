import { createHash } from 'node:crypto';
import { failure, startFaultServer, status, type Answer, type FaultServer } from '../fault-server.js';

/** A server that keeps one document per kind of settings, and takes it only as R2 would. */
export interface SettingServer {
  readonly server: FaultServer;
  readonly documents: Map<string, string>;
  /** Back to no settings and no faults. */
  reset(): void;
}

const MISSING: Readonly<Record<string, string>> = {
  lifecycle: 'NoSuchLifecycleConfiguration',
  cors: 'NoSuchCORSConfiguration',
};

export async function startSettingServer(): Promise<SettingServer> {
  const server = await startFaultServer();
  const documents = new Map<string, string>();
  const answer: Answer = (response, request) => {
    const kind = /[?&](lifecycle|cors)\b/.exec(request.url)?.[1];
    if (kind === undefined) {
      failure(501, 'NotImplemented')(response, request);
      return;
    }
    const stored = documents.get(kind);
    if (request.method === 'GET') {
      (stored === undefined ? failure(404, MISSING[kind]!) : status(200, stored))(response, request);
      return;
    }
    if (request.method === 'DELETE') {
      documents.delete(kind);
      status(204)(response, request);
      return;
    }
    const md5 = createHash('md5').update(request.body).digest('base64');
    if (request.headers['content-md5'] !== md5) {
      failure(400, 'InvalidDigest')(response, request);
      return;
    }
    if (Object.keys(request.headers).some((name) => name.includes('checksum'))) {
      failure(501, 'NotImplemented')(response, request);
      return;
    }
    documents.set(kind, request.body.toString());
    status(200)(response, request);
  };
  server.answer(answer);
  return {
    server,
    documents,
    reset() {
      documents.clear();
      server.answer(answer);
    },
  };
}
