import type { RequestScope } from '../providers/request-scope.js';

/**
 * Runs the work of an invocation in an environment of its own: `runInScope` of `./ambient`, say.
 *
 * @param scope the scope of the invocation.
 * @param work what the handler does.
 * @returns what `work` returns.
 */
export type ScopeRunner = <Result>(scope: RequestScope, work: () => Result) => Result;

/** What all entries can be told. */
export interface EntryOptions {
  /**
   * What each invocation runs in: with `runInScope` of `./ambient`, `currentScope()` finds the scope anywhere below the handler.
   *
   * @default the handler is called and nothing more
   */
  readonly run?: ScopeRunner;
}

/** The runner that adds nothing. */
export const runPlainly: ScopeRunner = (_scope, work) => work();
