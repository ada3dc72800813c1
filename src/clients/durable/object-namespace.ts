/** The part of a Durable Object namespace that the clients use: the same in all versions of workers-types. */
export interface ObjectNamespaceLike {
  /** The id of the object that has this name. */
  idFromName(name: string): object;
  /** A stub of the object. `never`: an id of the same namespace, which each version of workers-types declares differently. */
  get(id: never, options?: never): object;
}

/** Tells whether `value` is a Durable Object namespace: by its methods, as the class's name is no contract. */
export function isObjectNamespace(value: unknown): value is ObjectNamespaceLike {
  if (typeof value !== 'object' || value === null) return false;
  const { idFromName, get } = value as Partial<Record<string, unknown>>;
  return typeof idFromName === 'function' && typeof get === 'function';
}
