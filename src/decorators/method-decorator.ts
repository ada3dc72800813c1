import { CloudflareClientError } from '../errors.js';
import { CLASS_METADATA } from '../internal/class-metadata.js';
import { markDecoratedMethods } from '../internal/request-scope.js';

/** A method that answers with a promise: the only kind that a decorator of this package can sit on. */
// `any`: a parameter list is contravariant, and `unknown[]` would refuse every method that takes something.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AsyncMethod<Args extends any[], Result = unknown> = (...args: Args) => Promise<Result>;

/**
 * A method decorator in both dialects with one signature, so that TypeScript infers `This`, `Args` and `Result`, which is
 * what the promise gives, from the method in either. Static methods, getters, fields and methods that answer synchronously
 * do not fit it.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AsyncMethodDecorator<This, Args extends any[], Result = unknown> = (
  ...args:
    | [method: AsyncMethod<Args, Result>, context: ClassMethodDecoratorContext<This> & { readonly static: false }]
    | [
        prototype: This & { readonly prototype?: never },
        name: string | symbol,
        descriptor: { readonly value?: AsyncMethod<Args, Result> },
      ]
  // The two dialects expect different results of a decorator; `any` is assignable to both.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
) => any;

/** A method under decoration. */
export interface DecoratedMethod {
  /** The method as it was written. */
  readonly method: (this: unknown, ...args: unknown[]) => Promise<unknown>;
  /** Its name; of a symbol, its description in brackets. */
  readonly name: string;
  /** What the class has it under. */
  readonly property: string | symbol;
  /** How messages call the decorator: `@Cached`. */
  readonly decorator: string;
  /** What marks the class that defines it: its prototype, or its metadata object in the TC39 dialect. */
  readonly owner: object;
}

type Wrap = (decorated: DecoratedMethod) => DecoratedMethod['method'];

/**
 * Makes a method decorator of both dialects out of `wrap`. The wrapper keeps the method's name and arity.
 *
 * @param decoratorName how messages call the decorator: `@Cached`.
 * @param wrap returns what stands in for the method.
 * @throws {CloudflareClientError} `INVALID_DECORATION`, at class definition, where it does not sit on an instance method.
 */
export function methodDecorator(decoratorName: string, wrap: Wrap) {
  return (target: unknown, second: unknown, descriptor?: PropertyDescriptor): unknown => {
    const isStandard = typeof second === 'object' && second !== null;
    if (isStandard) return wrapStandard(decoratorName, target, second as ClassMethodDecoratorContext, wrap);
    return wrapLegacy(decoratorName, { target, name: second as string | symbol, descriptor }, wrap);
  };
}

function wrapStandard(
  decoratorName: string,
  value: unknown,
  context: ClassMethodDecoratorContext,
  wrap: Wrap,
): unknown {
  const { kind, name, metadata } = context as { kind: string; name: string | symbol; metadata?: object };
  if (kind !== 'method' || context.static) throw misplaced(decoratorName, name);
  const method = checkMethod(decoratorName, name, value);
  return keepShape(describe(decoratorName, method, { name, owner: metadata ?? {} }), wrap);
}

interface LegacyTarget {
  readonly target: unknown;
  readonly name: string | symbol;
  readonly descriptor: PropertyDescriptor | undefined;
}

function wrapLegacy(decoratorName: string, { target, name, descriptor }: LegacyTarget, wrap: Wrap): unknown {
  if (typeof target !== 'object' || target === null || descriptor === undefined) throw misplaced(decoratorName, name);
  const method = checkMethod(decoratorName, name, descriptor.value);
  return { ...descriptor, value: keepShape(describe(decoratorName, method, { name, owner: target }), wrap) };
}

function checkMethod(decoratorName: string, name: string | symbol, value: unknown): DecoratedMethod['method'] {
  if (typeof value !== 'function') throw misplaced(decoratorName, name);
  const tag: unknown = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  if (typeof tag === 'string' && tag.includes('Generator')) throw misplaced(decoratorName, name);
  return value as DecoratedMethod['method'];
}

function describe(
  decorator: string,
  method: DecoratedMethod['method'],
  { name: property, owner }: { name: string | symbol; owner: object },
): DecoratedMethod {
  const name = typeof property === 'symbol' ? `[${property.description ?? ''}]` : property;
  return { method, name, property, decorator, owner };
}

function keepShape(decorated: DecoratedMethod, wrap: Wrap): DecoratedMethod['method'] {
  const wrapper = wrap(decorated);
  // So that a call finds the clients of the request scope that built the instance.
  markDecoratedMethods(decorated.owner);
  Object.defineProperty(wrapper, 'name', { value: decorated.method.name, configurable: true });
  Object.defineProperty(wrapper, 'length', { value: decorated.method.length, configurable: true });
  return wrapper;
}

function misplaced(decoratorName: string, name: string | symbol | undefined): CloudflareClientError {
  const where = name === undefined ? 'a class' : String(name);
  return new CloudflareClientError(
    'INVALID_DECORATION',
    `${decoratorName} sits on an instance method that returns a promise; ${where} is none. ` +
      'Classes, fields, accessors, static methods and generators cannot carry it.',
  );
}

/** Whether `prototype` belongs to the class that `owner` marks. */
export function isOwnedBy(prototype: object, owner: object): boolean {
  return prototype === owner || metadataOf(prototype) === owner;
}

/** What `byOwner` holds for the class of `prototype`, whichever dialect its decorators were compiled in. */
export function ofClass<Value>(byOwner: WeakMap<object, Value>, prototype: object): Value | undefined {
  const metadata = metadataOf(prototype);
  return byOwner.get(prototype) ?? (metadata && byOwner.get(metadata));
}

/** `prototype` and what it inherits from, the nearest first. */
export function chainOf(prototype: object): object[] {
  const chain: object[] = [];
  for (let level: object | null = prototype; level !== null; level = Object.getPrototypeOf(level) as object | null) {
    chain.push(level);
  }
  return chain;
}

function metadataOf(prototype: object): object | undefined {
  const constructor: unknown = prototype.constructor;
  if (typeof constructor !== 'function' || !Object.hasOwn(constructor, CLASS_METADATA)) return undefined;
  return (constructor as { [CLASS_METADATA]?: object | null })[CLASS_METADATA] ?? undefined;
}
