import 'reflect-metadata/lite';
import { R2Client } from '../clients/r2/r2-client.js';
import type { R2ClientConfig, R2ClientOptions } from '../clients/r2/r2-config.js';
import { Injectable } from '../decorators/injectable.js';
import { ENV, R2_CLIENT, R2_CONFIG } from '../tokens/index.js';
import { provide, provideAlias } from './provider.js';
import type { Provider } from './provider.js';
import { readR2Config } from './r2-config.js';
import type { R2VariableNames } from './r2-config.js';
import { eventsOf } from './scope-services.js';

// For containers that an app makes with tsyringe alone; in a bundle, for those that import this provider as well.
Injectable(R2_CONFIG)(R2Client);

/** Options of {@link provideR2}. */
export interface ProvideR2Options extends Pick<R2ClientOptions, 'timeoutMs' | 'maxAttempts' | 'now'> {
  /** The names of the variables that hold the credentials; `R2_ACCOUNT_ID` and so on where none is given. */
  readonly variables?: R2VariableNames;
}

/**
 * Provides `R2_CLIENT` and `R2Client`, one instance per request scope, with the credentials of the `R2_*` variables. They
 * are read and validated once per env, and clients of one env share their connections.
 *
 * @param options the variables' names and the client's own options.
 * @returns the providers. Resolving throws `MISSING_VARIABLE` or `INVALID_CONFIG`, naming the variable and never its value.
 */
export function provideR2({ variables = {}, ...options }: ProvideR2Options = {}): readonly Provider[] {
  // By identity of the env: an isolate that gets new bindings must not keep the credentials of the old ones.
  const configs = new WeakMap<object, R2ClientConfig>();
  const configOf = (env: object): R2ClientConfig => {
    const config = configs.get(env) ?? readR2Config(env, variables);
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
