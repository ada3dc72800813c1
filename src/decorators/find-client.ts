import { CloudflareClientError } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import { findScope } from '../internal/request-scope.js';
import type { Token } from '../tokens/token.js';
import type { DecoratedMethod } from './method-decorator.js';

/** A kind of client that decorated methods need. */
export interface ClientKind<Client> {
  /** What a call rejects with that finds none. */
  readonly code: ErrorCode;
  /** What messages call it: `cache`. */
  readonly noun: string;
  /** The class to use: `CacheClient`. */
  readonly className: string;
  /** What provides it to a container: `provideCache`. */
  readonly provider: string;
  readonly token: Token<Client>;
  /** What an instance has it under, and what the option of the decorator is called. */
  readonly property: 'cache' | 'limiter' | 'locks';
  /** The method that tells it by. */
  readonly method: keyof Client & string;
}

/** The option of a decorator that says where the client is. */
export type ClientAccessor<Client> = (instance: never) => Client | undefined;

/**
 * Finds the client of an instance: what the accessor answers, else what the instance has under its property, else that of the
 * request scope that built the instance. Never that of another request.
 *
 * @param kind what is looked for.
 * @param instance the object whose method is called.
 * @param decorated the method, for messages.
 * @param accessor the option of the decorator.
 * @throws {CloudflareClientError} the kind's code when there is none.
 */
export function findClient<Client>(
  kind: ClientKind<Client>,
  instance: object,
  decorated: DecoratedMethod,
  accessor?: ClientAccessor<Client>,
): Client {
  const given: unknown = accessor?.(instance as never);
  if (isClient(kind, given)) return given;
  if (given !== undefined) {
    const reason = `its ${kind.property} option answered with something that has no ${kind.method}`;
    throw notFound(kind, decorated, reason);
  }
  const own = (instance as Partial<Record<string, unknown>>)[kind.property];
  return isClient(kind, own) ? own : clientOfScope(kind, instance, decorated);
}

function isClient<Client>({ method }: ClientKind<Client>, value: unknown): value is Client {
  if (typeof value !== 'object' || value === null) return false;
  return typeof (value as Partial<Record<string, unknown>>)[method] === 'function';
}

function clientOfScope<Client>(kind: ClientKind<Client>, instance: object, decorated: DecoratedMethod): Client {
  const scope = findScope(instance);
  if (scope === undefined) throw notFound(kind, decorated, 'no request scope built this instance');
  if (scope === 'shared') {
    const reason = `several request scopes share this instance, so the ${kind.noun} of none is its own`;
    throw notFound(kind, decorated, reason);
  }
  try {
    return scope.resolve(kind.token);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw notFound(kind, decorated, `its request scope has none. ${reason}`, { cause });
  }
}

function notFound<Client>(
  { code, noun, className, property, provider }: ClientKind<Client>,
  { decorator, name }: DecoratedMethod,
  reason: string,
  options?: ErrorOptions,
): CloudflareClientError {
  return new CloudflareClientError(
    code,
    `${decorator} method ${name} found no ${noun}: ${reason}. Hand a ${className} to the constructor and keep it as this.${property}, ` +
      `or name it with ${decorator}({ ${property}: (self) => ... }), or resolve the class from a scope of createContainer(${provider}()).`,
    options,
  );
}
