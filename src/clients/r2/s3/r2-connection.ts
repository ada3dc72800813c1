import { CloudflareClientError } from '../../../errors.js';
import type { MissingR2Config, ResolvedR2Config, ResolvedR2Options } from '../r2-config.js';
import { target, toR2Error, type R2Call } from '../r2-error.js';
import type * as LazySdk from './s3-sdk.js';

/** The SDK, and a client of it, for one piece of work. */
export interface R2Session {
  readonly sdk: typeof LazySdk.sdk;
  readonly client: LazySdk.sdk.S3Client;
}

// The settled module and not its promise: a promise belongs to the request that made it, and hangs others with it.
let loaded: typeof LazySdk | undefined;
const clients = new WeakMap<object, Map<string, LazySdk.sdk.S3Client>>();

/** What the operations of `R2Client` share: the SDK, loaded on first use, and the mapping of its errors. */
export class R2Connection {
  readonly options: ResolvedR2Options;
  readonly #config: ResolvedR2Config | MissingR2Config;
  readonly #identity: object;

  /**
   * Sends nothing and loads nothing.
   *
   * @param identity the caller's own config object; clients made with the same one share an S3 client, isolate-wide.
   */
  constructor(identity: object, config: ResolvedR2Config | MissingR2Config, options: ResolvedR2Options) {
    this.#identity = identity;
    this.#config = config;
    this.options = options;
  }

  /** Whether there are credentials; without them only bound buckets can be reached. */
  get hasCredentials(): boolean {
    return !('missing' in this.#config);
  }

  /**
   * Endpoint and credentials.
   *
   * @throws {CloudflareClientError} `MISSING_CREDENTIALS` when the client has bindings alone.
   */
  get config(): ResolvedR2Config {
    if ('missing' in this.#config) throw missingCredentials('this', this.#config.missing);
    return this.#config;
  }

  /** What goes with every request: milliseconds without progress. */
  get requestOptions(): { readonly requestTimeout: number } {
    return { requestTimeout: this.options.timeoutMs };
  }

  /**
   * Runs `work`; whatever fails in it becomes an error of ours that names `call`.
   *
   * @throws {CloudflareClientError} `R2_*`; `MISSING_CREDENTIALS` when the client has bindings alone, and none of this bucket.
   */
  async run<T>(call: R2Call, work: (session: R2Session) => Promise<T>): Promise<T> {
    if ('missing' in this.#config)
      throw missingCredentials(`${call.operation} of ${target(call)}`, this.#config.missing);
    try {
      return await work(await this.session());
    } catch (error) {
      throw toR2Error(error, call);
    }
  }

  /**
   * The SDK and the client of this config.
   *
   * @throws {CloudflareClientError} `R2_FAILED` when the SDK cannot be loaded.
   */
  async session(): Promise<R2Session> {
    loaded ??= await import('./s3-sdk.js').catch(notLoaded);
    return { sdk: loaded.sdk, client: this.#client(loaded) };
  }

  #client({ createS3Client }: typeof LazySdk): LazySdk.sdk.S3Client {
    const { endpoint, accessKeyId, secretAccessKey, sessionToken } = this.config;
    const { maxAttempts } = this.options;
    const ofConfig = clients.get(this.#identity) ?? new Map<string, LazySdk.sdk.S3Client>();
    clients.set(this.#identity, ofConfig);
    // Beside the identity the values: a config object may have been changed since.
    const key = JSON.stringify([endpoint, accessKeyId, secretAccessKey, sessionToken, maxAttempts]);
    const client = ofConfig.get(key) ?? createS3Client(this.config, maxAttempts);
    ofConfig.set(key, client);
    return client;
  }
}

function notLoaded(cause: unknown): never {
  throw new CloudflareClientError('R2_FAILED', 'R2: the AWS SDK could not be loaded.', { cause });
}

function missingCredentials(what: string, missing: readonly string[]): CloudflareClientError {
  return new CloudflareClientError(
    'MISSING_CREDENTIALS',
    `R2: ${what} goes over S3 and needs an API token; the config has no ${missing.join(' and no ')}.`,
  );
}
