import type { ScopeInput, Container } from '../providers/container.js';
import { holdsDisposables } from '../providers/request-scope.js';
import type { RequestScope } from '../providers/request-scope.js';
import { watchBackgroundWork } from './background-work.js';
import { isData } from './data.js';
import { endWithResponse, endWithStream } from './response-end.js';
import { endScopeLater } from './scope-end.js';
import type { OpenedScope } from './scope-end.js';

type Method = (this: object, ...args: unknown[]) => unknown;

/** The scope of an instance of an entrypoint, from when it is first looked at until what the instance was called for is done. */
export class EntrypointCall {
  readonly #app: Container;
  #input: Required<ScopeInput>;
  #opened: OpenedScope | undefined;
  #underWay = 0;

  constructor(app: Container, input: Required<ScopeInput>) {
    this.#app = app;
    this.#input = input;
  }

  /** The scope, opened now if it was not. */
  get scope(): RequestScope {
    return (this.#opened ??= this.#open()).scope;
  }

  /** Tells the scope which request is answered, if it was not opened before. */
  receive(request: unknown): void {
    if (request instanceof Request) this.#input = { ...this.#input, request };
  }

  /** Runs a method; methods call one another, and the outermost ends the scope. */
  run(work: () => unknown): unknown {
    this.#underWay += 1;
    try {
      const result = work();
      return isThenable(result) ? this.#settle(result) : this.#finish(result);
    } catch (error) {
      this.#finish(undefined);
      throw error;
    }
  }

  async #settle(result: PromiseLike<unknown>): Promise<unknown> {
    try {
      return this.#finish(await result);
    } catch (error) {
      this.#finish(undefined);
      throw error;
    }
  }

  #finish(value: unknown): unknown {
    this.#underWay -= 1;
    const opened = this.#opened;
    if (opened === undefined || this.#underWay > 0 || !holdsDisposables(opened.scope)) return value;
    if (value instanceof Response) return endWithResponse(opened, value, {});
    if (value instanceof ReadableStream) return endWithStream(opened, value);
    if (isData(value)) endScopeLater(opened);
    return value;
  }

  #open(): OpenedScope {
    const { ctx } = this.#input;
    return { scope: this.#app.scope(this.#input), work: ctx && watchBackgroundWork(ctx) };
  }
}

/** What other stubs answer with is no `Promise`, and a function. */
function isThenable(value: unknown): value is PromiseLike<unknown> {
  return Object(value) === value && typeof (value as Partial<PromiseLike<unknown>>).then === 'function';
}

const calls = new WeakMap<object, EntrypointCall>();
const watchedPrototypes = new WeakMap<object, object>();

/**
 * Lets the methods of an instance tell when they are done. The class stays as it is: the instance gets a prototype in between, which has the same methods.
 *
 * @param instance an instance under construction.
 * @param base the prototype from which on, upwards, nothing belongs to the app.
 * @param call what is told.
 */
export function watchMethods(instance: object, base: object, call: EntrypointCall): void {
  calls.set(instance, call);
  const prototype = Object.getPrototypeOf(instance) as object;
  let watched = watchedPrototypes.get(prototype);
  if (watched === undefined) {
    watched = watchPrototype(prototype, base);
    watchedPrototypes.set(prototype, watched);
  }
  Object.setPrototypeOf(instance, watched);
}

function watchPrototype(prototype: object, base: object): object {
  const watched = Object.create(prototype) as object;
  for (let level = prototype; level !== base; level = Object.getPrototypeOf(level) as object) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (name === 'constructor' || Object.hasOwn(watched, name)) continue;
      Object.defineProperty(watched, name, watchProperty(name, property));
    }
  }
  return watched;
}

function watchProperty(name: string, property: PropertyDescriptor): PropertyDescriptor {
  const value: unknown = property.value;
  if (typeof value === 'function') return { ...property, value: watchMethod(value as Method, name === 'fetch') };
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with the instance
  const { get } = property;
  return get === undefined ? property : { ...property, get: watchMethod(get) };
}

function watchMethod(method: Method, takesRequest = false): Method {
  return function (this: object, ...args) {
    const call = calls.get(this);
    if (call === undefined) return method.apply(this, args);
    if (takesRequest) call.receive(args[0]);
    return call.run(() => method.apply(this, args));
  };
}
