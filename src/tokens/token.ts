/**
 * A name for a `T` in a container: a symbol at run time, a construct signature for the compiler. So tsyringe's own
 * `resolve`, `register` and `inject` infer and check `T`, and nobody can `new` it (`never` arguments).
 */
export type Token<T> = symbol & (new (...args: never) => T);

/** The type that a token or a class stands for. */
export type Resolved<K> = K extends new (...args: never) => infer T
  ? T
  : K extends abstract new (...args: never) => infer T
    ? T
    : never;

/**
 * Makes a typed token. Two tokens of one name are the same token, also when the package is loaded twice.
 *
 * @param name shown in error messages as the step of a resolution path; make it unique in your app.
 * @returns the token.
 * @example
 * ```ts
 * export const DATABASE = token<Database>('DATABASE');
 * container.register(DATABASE, { useValue: database }); // a value of another type does not compile
 * ```
 */
export function token<T>(name: string): Token<T> {
  // The phantom construct signature exists for the compiler alone.
  return Symbol.for(`@codex/cloudflare-clients:${name}`) as unknown as Token<T>;
}

/** What a container resolves: a typed token or a class. */
// `any`, because a construct signature is contravariant in its parameters and tsyringe's own type is written this way.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type InjectionKey<T = unknown> = Token<T> | (new (...args: any[]) => T);
