import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { build } from 'esbuild';
import {
  createUploadHandler,
  UploadRefused,
  uppyCallbacks,
  type R2Client,
  type UppyCallbacks,
} from '../../../src/index.js';

/** The app that the pages belong to: their scripts, the handler, and the callbacks as calls of its own. */
export interface UploadApp {
  readonly origin: string;
  stop(): Promise<void>;
}

export interface UploadAppOptions {
  readonly r2: R2Client;
  readonly bucket: string;
  readonly maxSizeBytes: number;
  readonly allowedTypes: readonly string[];
  /** What `/rpc/credentials` answers for a prefix. */
  readonly credentials?: (prefix: string) => Promise<unknown>;
}

const HERE = __dirname;
const ROOT = join(HERE, '../../..');
const PACKAGES: Readonly<Record<string, string>> = {
  4: join(HERE, '../uppy/v4'),
  5: join(HERE, '../uppy/v5'),
  6: ROOT,
};

/** Starts it on a free port of 127.0.0.1. Who calls says the cookie `user`: the prefix is `{user}/originals/`. */
export async function startUploadApp(options: UploadAppOptions): Promise<UploadApp> {
  const { r2, bucket, maxSizeBytes, allowedTypes } = options;
  const limits = { bucket, maxSizeBytes, allowedTypes };
  const handler = createUploadHandler(r2, { ...limits, basePath: '/api/uploads', authorize: grantOf });
  const scripts = new Map<string, Promise<string>>();
  const answer = async (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.startsWith('/api/uploads/')) return handler(request);
    if (pathname.startsWith('/rpc/')) {
      const grant = grantOf(request);
      if (grant === null) return new Response(null, { status: 403 });
      if (pathname === '/rpc/credentials') return Response.json(await options.credentials?.(grant.prefix));
      return rpc(uppyCallbacks(r2, { ...limits, ...grant }), pathname.slice('/rpc/'.length), await request.json());
    }
    if (pathname === '/page.mjs') return script(readFileSync(join(HERE, 'page.mjs'), 'utf8'));
    const version = searchParams.get('uppy') ?? '';
    if (pathname === '/uppy.js') {
      if (!scripts.has(version)) scripts.set(version, bundle(version));
      return script((await scripts.get(version)) ?? '');
    }
    if (pathname !== '/') return new Response(null, { status: 404 });
    const html = `<!doctype html><script type="module" src="/uppy.js?uppy=${version}"></script><script type="module" src="/page.mjs"></script>`;
    return new Response(html, { headers: { 'content-type': 'text/html' } });
  };
  const server = createServer((incoming, outgoing) => {
    void answer(toRequest(incoming)).then(
      async (response) => {
        outgoing.writeHead(response.status, Object.fromEntries(response.headers));
        outgoing.end(Buffer.from(await response.arrayBuffer()));
      },
      (error: unknown) => outgoing.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function grantOf(request: Request): { prefix: string } | null {
  const user = /(?:^|; )user=(\w+)/.exec(request.headers.get('cookie') ?? '')?.[1];
  return user === undefined ? null : { prefix: `${user}/originals/` };
}

async function rpc(uploads: UppyCallbacks, name: string, argument: unknown): Promise<Response> {
  const calls: Record<string, (value: never) => unknown> = { ...uploads };
  try {
    return Response.json((await calls[name]?.(argument as never)) ?? {});
  } catch (error) {
    if (!(error instanceof UploadRefused)) throw error;
    return Response.json({ code: error.reason, message: error.message }, { status: error.status });
  }
}

async function bundle(version: string): Promise<string> {
  const contents = `import Uppy from '@uppy/core'; import AwsS3 from '@uppy/aws-s3'; window.uploader = { Uppy, AwsS3 };`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: PACKAGES[version] ?? ROOT },
    bundle: true,
    write: false,
    format: 'esm',
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

function script(text: string): Response {
  return new Response(text, { headers: { 'content-type': 'text/javascript' } });
}

function toRequest(incoming: IncomingMessage): Request {
  const { method = 'GET', url = '', headers } = incoming;
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const init: RequestInit & { duplex: string } = {
    method,
    headers: Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string]),
    duplex: 'half',
    // The stream of Node's types and that of Workers' differ in what is not used here.
    ...(hasBody && { body: Readable.toWeb(incoming) as unknown as ReadableStream }),
  };
  return new Request(`http://${headers.host ?? ''}${url}`, init);
}
