import 'reflect-metadata/lite';
import '../internal/reflect-polyfill.js';
import { R2Client } from '../clients/r2/r2-client.js';
import type { R2BindingsConfig, R2ClientConfig, R2ClientOptions } from '../clients/r2/r2-config.js';
import { Injectable } from '../decorators/injectable.js';
import { ENV, R2_CLIENT, R2_CONFIG } from '../tokens/index.js';
import { provide, provideAlias } from './provider.js';
import type { Provider } from './provider.js';
import { bucketBindings, checkBucketBindings } from './r2-binding.js';
import { hasR2Variables, readR2Config } from './r2-config.js';
import type { R2VariableNames } from './r2-config.js';
import { eventsOf } from './scope-services.js';

// For containers that an app makes with tsyringe alone; in a bundle, for those that import this provider as well.
Injectable(R2_CONFIG)(R2Client);

/** Options of {@link provideR2}. */
export interface ProvideR2Options extends Pick<R2ClientOptions, 'timeoutMs' | 'maxAttempts' | 'now'> {
  /** The names of the variables that hold the credentials; `R2_ACCOUNT_ID` and so on where none is given. */
  readonly variables?: R2VariableNames;
  /**
   * The buckets that are bound in the Worker, each with the name of its binding in wrangler.jsonc: `{ 'codex-media-production':
   * 'MEDIA' }`. Their objects go by the binding. A binding is read when its bucket is first used. With bindings the variables
   * need not be set; what needs them then rejects with `MISSING_CREDENTIALS`.
   * @default none
   */
  readonly bindings?: Readonly<Record<string, string>>;
}

/**
 * Provides `R2_CLIENT` and `R2Client`, one instance per request scope, with the credentials of the `R2_*` variables. They
 * are read and validated once per env, and clients of one env share their connections.
 *
 * @param options the variables' names and the client's own options.
 * @returns the providers. Resolving throws `MISSING_VARIABLE` or `INVALID_CONFIG`, naming the variable and never its value; a
 * bound bucket throws `MISSING_BINDING` or `INVALID_BINDING`, naming the binding, when it is first used.
 * @throws {CloudflareClientError} `INVALID_OPTION` when `bindings` has what is no name.
 */
export function provideR2({ variables = {}, bindings, ...options }: ProvideR2Options = {}): readonly Provider[] {
  if (bindings !== undefined) checkBucketBindings(bindings);
  // By identity of the env: an isolate that gets new bindings must not keep the credentials of the old ones.
  const configs = new WeakMap<object, R2ClientConfig | R2BindingsConfig>();
  const read = (env: object): R2ClientConfig | R2BindingsConfig => {
    if (bindings === undefined) return readR2Config(env, variables);
    const bound = { bindings: bucketBindings(env, bindings) };
    return hasR2Variables(env, variables) ? { ...readR2Config(env, variables), ...bound } : bound;
  };
  const configOf = (env: object): R2ClientConfig | R2BindingsConfig => {
    const config = configs.get(env) ?? read(env);
    configs.set(env, config);
    return config;
  };
  return [
    { token: R2_CONFIG, make: (container) => configOf(container.resolve(ENV)), owned: false },
    provide(R2_CLIENT, (container) => {
      return new R2Client(container.resolve(R2_CONFIG), { ...options, events: eventsOf(container) });
    }),
    provideAlias(R2Client, R2_CLIENT),
  ];
}
