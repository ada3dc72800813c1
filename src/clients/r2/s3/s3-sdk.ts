import * as sdk from '#aws-s3';
import { FetchRequestHandler } from './fetch-handler.js';
import type { ResolvedR2Config } from '../r2-config.js';
import { installXmlShim } from './xml-shim.js';

// The only module that imports the SDK, and it is loaded on first use: importing the package does not cost it.
export { sdk };

// The SDK gives these a CRC32 however it is configured; R2's table of unsupported headers names it for both settings.
const MD5_COMMANDS: readonly string[] = [
  'DeleteObjectsCommand',
  'PutBucketCorsCommand',
  'PutBucketLifecycleConfigurationCommand',
];

const silence = (): void => undefined;
// Any logger but the SDK's default one: that one falls back to `console.warn` when a streamed request fails.
const SILENT_LOGGER = { trace: silence, debug: silence, info: silence, warn: silence, error: silence };

/**
 * Makes a client as R2 wants it. It holds no state of a request, so one serves a whole isolate: the credentials are
 * static, because a provider awaited by one request would hang the next when the first is cut off.
 */
export function createS3Client(config: ResolvedR2Config, maxAttempts: number): sdk.S3Client {
  const client = new sdk.S3Client({
    region: 'auto',
    endpoint: config.endpoint,
    forcePathStyle: true,
    credentials: credentialsOf(config),
    // The default corrupts streamed uploads in workerd and spoils presigned PUTs (aws-sdk-js-v3#6810).
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Cloudflare never answers 100: each large body would wait for it.
    expectContinueHeader: false,
    maxAttempts,
    retryMode: 'standard',
    requestHandler: new FetchRequestHandler(),
    logger: SILENT_LOGGER,
  });
  // Only the browser build of the SDK, which bundlers for Workers take, parses XML with the DOM.
  if (client.config.runtime === 'browser') installXmlShim();
  useContentMd5(client);
  trustContentMd5(client);
  return client;
}

function credentialsOf({ accessKeyId, secretAccessKey, sessionToken }: ResolvedR2Config) {
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
}

/** S3 servers disagree on CRC32 for these, and all take Content-MD5 (aws-sdk-js-v3#6819, #6920). */
function useContentMd5(client: sdk.S3Client): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      if (!MD5_COMMANDS.includes(context.commandName ?? '')) return next(args);
      const request = args.request as { headers: Record<string, string>; body: string };
      const kept = Object.entries(request.headers).filter(([name]) => !/^x-amz-(?:sdk-)?checksum-/i.test(name));
      const md5 = new client.config.md5();
      md5.update(new TextEncoder().encode(request.body));
      const digest = client.config.base64Encoder(await md5.digest());
      // The same object: the SDK recognises its requests by their class.
      request.headers = { ...Object.fromEntries(kept), 'content-md5': digest };
      return next(args);
    },
    // After the checksum of the SDK, before the signature.
    { name: 'contentMd5', step: 'build', priority: 'low' },
  );
}

/** A body with a Content-MD5 needs no SHA-256 beside it: the MD5 is signed, and the server compares it. One hash instead of two. */
function trustContentMd5(client: sdk.S3Client): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const { headers } = args.request as { headers: Record<string, string> };
      const ofBody = context.commandName === 'PutObjectCommand' || context.commandName === 'UploadPartCommand';
      if (ofBody && headers['content-md5'] !== undefined) headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { name: 'trustContentMd5', step: 'build', priority: 'low' },
  );
}
