import type { DependencyContainer, InjectionToken } from 'tsyringe';
import { CloudflareClientError, isCloudflareClientError } from '../errors.js';

/** One step of a resolution under way. Resolution is synchronous, so the steps form a chain. */
export interface Step {
  readonly key: InjectionToken;
  readonly scope: DependencyContainer;
  readonly parent: Step | undefined;
}

const SCOPE_TOKENS = ['ENV', 'EXECUTION_CONTEXT', 'REQUEST'];

let current: Step | undefined;
// tsyringe wraps what a constructor parameter threw in a plain Error; this keeps the coded error of the innermost step.
let innermost: CloudflareClientError | undefined;

/**
 * Begins a step: `scope` is about to resolve `key`. Must be followed by {@link leaveStep}.
 *
 * @throws {CloudflareClientError} `CIRCULAR_DEPENDENCY` when that is under way already.
 */
export function enterStep(scope: DependencyContainer, key: InjectionToken): Step {
  for (let step = current; step !== undefined; step = step.parent) {
    if (step.key !== key || step.scope !== scope) continue;
    innermost = cycle(step, key);
    throw innermost;
  }
  current = { key, scope, parent: current };
  return current;
}

/** The one coded error, naming the whole path, that stands for what was thrown in a step. */
export function stepError(step: Step, error: unknown): CloudflareClientError {
  if (innermost === undefined || !isWrapped(innermost, error)) innermost = describeFailure(step, error);
  return innermost;
}

/** Ends a step. */
export function leaveStep(step: Step): void {
  current = step.parent;
  if (current === undefined) innermost = undefined;
}

/** A token's name as it stands in a path. */
export function keyName(key: InjectionToken): string {
  if (typeof key === 'function') return key.name || '(anonymous class)';
  if (typeof key === 'symbol') return (key.description ?? 'symbol').replace(/^@codex\/cloudflare-clients:/, '');
  return typeof key === 'string' ? key : '(delayed class)';
}

function cycle(first: Step, key: InjectionToken): CloudflareClientError {
  const path = pathOf(current).slice(pathOf(first).length - 1);
  return new CloudflareClientError(
    'CIRCULAR_DEPENDENCY',
    `Circular dependency: ${[...path, keyName(key)].join(' -> ')}. ` +
      'Let one of them take what it needs as an argument of a method instead of in its constructor.',
  );
}

function pathOf(last: Step | undefined): string[] {
  const names: string[] = [];
  for (let step = last; step !== undefined; step = step.parent) names.unshift(keyName(step.key));
  return names;
}

function isWrapped(inner: CloudflareClientError, error: unknown): boolean {
  return error === inner || (error instanceof Error && error.message.includes(inner.message));
}

function describeFailure(step: Step, error: unknown): CloudflareClientError {
  const path = pathOf(step);
  const name = path.at(-1) ?? '';
  if (isCloudflareClientError(error)) return failure(error.code, path, error.message, error);
  const message = error instanceof Error ? error.message : String(error);
  if (/^Attempted to resolve unregistered/.test(message)) {
    const code = SCOPE_TOKENS.includes(name) ? 'MISSING_SCOPE_VALUE' : 'UNKNOWN_TOKEN';
    return failure(code, path, `nothing provides ${name}. ${remedy(name)}`, error);
  }
  if (/^TypeInfo not known for/.test(message)) {
    const reason = `${name} takes constructor arguments that nobody named. Decorate it with @Injectable(TOKEN, ...).`;
    return failure('UNKNOWN_TOKEN', path, reason, error);
  }
  if (PRERENDERING.test(message)) return failure('MISSING_BINDING', path, `${message}. ${NO_BINDINGS}`, error);
  return failure('RESOLUTION_FAILED', path, message, error);
}

// What adapter-cloudflare's stand-in for env says when a page that is prerendered reads from it.
const PRERENDERING = /prerenderable route/;
const NO_BINDINGS =
  'Pages are prerendered at build time, without bindings: resolve only in routes that are not, or skip it while `building` of $app/environment is true.';

function failure(code: CloudflareClientError['code'], path: string[], reason: string, cause: unknown) {
  return new CloudflareClientError(code, `Cannot resolve ${path.join(' -> ')}: ${reason}`, { cause });
}

/** The provider function that answers for a token of ours. */
const PROVIDERS: Readonly<Record<string, string>> = {
  AUTH_SESSION_KV: 'provideSessionCache()',
  SESSION_CACHE_CLIENT: 'provideSessionCache()',
  SESSIONS: 'provideSessionCache()',
  RATE_LIMIT_KV: 'provideRateLimiter()',
  RATE_LIMITER_CLIENT: 'provideRateLimiter()',
  CACHE_KV: 'provideCache()',
  CACHE_CLIENT: 'provideCache()',
  R2_CONFIG: 'provideR2()',
  R2_CLIENT: 'provideR2()',
};

function remedy(name: string): string {
  if (SCOPE_TOKENS.includes(name)) return 'Hand it to the scope: scope({ env, ctx, request }).';
  return `Add ${PROVIDERS[name] ?? `provide(${name}, (container) => ...)`} to createContainer(...).`;
}
