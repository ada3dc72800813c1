import type { Provider } from '../providers/provider.js';
import type { InjectionKey } from '../tokens/token.js';

/**
 * Provides a stand-in for a client or a service, of which the test writes only the members that it needs. Using another
 * one throws an error that names it, so that a test cannot pass on `undefined`.
 *
 * @param token the token or class that is resolved.
 * @param members what the stand-in has.
 * @returns a provider for `container.with(...)`.
 * @example
 * ```ts
 * const app = createContainer(provideCache());
 * const getOrSet: CacheClient['getOrSet'] = async (_key, _ttlSeconds, load) => load({ signal: new AbortController().signal });
 * const scope = app.with(provideMock(CACHE_CLIENT, { getOrSet })).scope({ env: {} });
 * ```
 */
export function provideMock<T extends object>(token: InjectionKey<T>, members: Partial<NoInfer<T>>): Provider<T> {
  const name = typeof token === 'symbol' ? (token as symbol).description : (token as { name: string }).name;
  const mock = new Proxy(members, {
    get(target, member) {
      if (member in target) return bound(target, Reflect.get(target, member), member);
      // What a runtime asks of any object: promises, printing, comparing.
      if (typeof member === 'symbol' || QUESTIONS.has(member)) return undefined;
      throw new TypeError(`The mock of ${String(name)} has no ${member}: add it to provideMock(...).`);
    },
  });
  return { token, make: () => mock as T, owned: false };
}

const QUESTIONS: ReadonlySet<string> = new Set(['then', 'toJSON', 'asymmetricMatch', 'nodeType', 'constructor']);

/** Methods of a class are bound to their instance: called on the mock they could not reach its `#private` members. */
function bound(target: object, value: unknown, member: PropertyKey): unknown {
  const isMethod = typeof value === 'function' && !Object.hasOwn(target, member);
  return isMethod ? (value.bind(target) as unknown) : value;
}
