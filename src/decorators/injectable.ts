import 'reflect-metadata/lite';
import '../internal/reflect-polyfill.js';
import { inject, injectable } from 'tsyringe';
import { CloudflareClientError } from '../errors.js';
import type { InjectionKey, Resolved } from '../tokens/token.js';

/** What {@link Injectable} returns: a class decorator that fits only a constructor which takes what the tokens stand for. */
export type InjectableDecorator<Dependencies extends readonly InjectionKey[]> = (
  target: new (...args: { -readonly [Index in keyof Dependencies]: Resolved<Dependencies[Index]> }) => object,
  context?: ClassDecoratorContext,
) => void;

/**
 * Makes a class resolvable by a container: one token or class per constructor parameter, in order, checked by the
 * compiler against the constructor. Works as a legacy and as a TC39 decorator, and as a plain call
 * (`Injectable(CACHE_CLIENT)(ContentService)`). It stands in for parameter decorators and for `emitDecoratorMetadata`,
 * which esbuild (and so wrangler) does not emit.
 *
 * @param dependencies what the constructor's parameters are resolved from; parameters with a default may be left out.
 * @returns the decorator.
 * @throws {CloudflareClientError} `INVALID_DECORATION` when a dependency is `undefined` (a circular import) or when it
 * does not sit on a class.
 * @example
 * ```ts
 * @Injectable(CACHE_CLIENT, DATABASE)
 * export class ContentService {
 *   constructor(readonly cache: CacheClient, readonly database: Database) {}
 * }
 * ```
 */
export function Injectable<const Dependencies extends readonly InjectionKey[]>(
  ...dependencies: Dependencies
): InjectableDecorator<Dependencies> {
  return (target) => {
    if (typeof target !== 'function' || typeof target.prototype !== 'object') {
      throw new CloudflareClientError('INVALID_DECORATION', '@Injectable(...) sits on a class, and on nothing else.');
    }
    dependencies.forEach((dependency: InjectionKey | undefined, index) => {
      if (dependency === undefined) throw undefinedDependency(target.name, index);
      inject(dependency)(target, undefined, index);
    });
    injectable()(target);
  };
}

function undefinedDependency(className: string, index: number): CloudflareClientError {
  return new CloudflareClientError(
    'INVALID_DECORATION',
    `@Injectable on ${className}: dependency ${index} is undefined. ` +
      'Two files probably import one another; move the token into a file of its own that imports types only.',
  );
}
