import { checkOptions } from '../check-options.js';
import { integerOption } from '../r2-config.js';
import type { R2Client } from '../r2-client.js';
import { internalsOf } from '../r2-internals.js';
import { MAX_EXPIRY_SECONDS, signingTime } from './presigner.js';

/** A command of `@aws-sdk/client-s3`. */
export interface R2SdkCommand {
  /** The parameters of the operation. */
  readonly input: object;
  /** The SDK's own; called by it alone. */
  resolveMiddleware(...args: never[]): unknown;
}

/** How a command is signed. */
export interface R2PresignCommandOptions {
  /** Seconds from now until the URL stops working: an integer from 1 to 604,800 (seven days). */
  readonly expiresIn: number;
  /** Names, in lower case, of headers to sign that the SDK leaves out, such as `content-type`. @default none */
  readonly signableHeaders?: ReadonlySet<string> | undefined;
  /** Names, in lower case, of `x-amz-` headers that the client sends, in place of the query. @default none */
  readonly unhoistableHeaders?: ReadonlySet<string> | undefined;
}

/**
 * Signs a command of the AWS SDK for which `R2Client` has no method, by the SDK's own presigner, which is loaded by it.
 *
 * @returns the URL; treat it as a password for as long as it lives.
 * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_ARGUMENT`, `MISSING_CREDENTIALS`; `R2_FAILED` when the SDK refuses the command.
 *
 * @example
 * ```ts
 * import { ListObjectsV2Command } from '@aws-sdk/client-s3';
 *
 * const url = await presignCommand(r2, new ListObjectsV2Command({ Bucket: bucket, Prefix: 'public/' }), { expiresIn: 300 });
 * ```
 */
export async function presignCommand(
  r2: R2Client,
  command: R2SdkCommand,
  options: R2PresignCommandOptions,
): Promise<string> {
  const { connection } = internalsOf(r2);
  const { signableHeaders, unhoistableHeaders } = checkOptions(options);
  checkOptions(command, 'command');
  const expiresIn = integerOption('expiresIn', options.expiresIn, MAX_EXPIRY_SECONDS);
  const signingDate = new Date(signingTime(connection.options.now()));
  const { Bucket, Key } = command.input as { readonly Bucket?: unknown; readonly Key?: unknown };
  const call = {
    operation: 'signing',
    bucket: typeof Bucket === 'string' ? Bucket : 'no bucket',
    key: typeof Key === 'string' ? Key : undefined,
  };
  return connection.run(call, async ({ client }) => {
    const { getSignedUrl } = await import('@aws-sdk/s3-request-presigner');
    // Another copy of the SDK may have made it, so its type is not asked for its origin.
    return getSignedUrl(client, command as never, {
      expiresIn,
      signingDate,
      // Copies: the presigner adds to what it is given.
      ...(signableHeaders !== undefined && { signableHeaders: new Set(signableHeaders) }),
      ...(unhoistableHeaders !== undefined && { unhoistableHeaders: new Set(unhoistableHeaders) }),
    });
  });
}
