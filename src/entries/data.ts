/** Builtin classes whose instances RPC copies. */
const COPIED = [Date, RegExp, Error, ArrayBuffer, Headers] as const;

/**
 * Whether a value that a method returns over RPC is copied as a whole. What is not, a function, an `RpcTarget`, a stream, lives on after the call.
 *
 * @param value what a method returned.
 * @param seen objects that are being looked at, which need no second look.
 */
export function isData(value: unknown, seen = new Set<object>()): boolean {
  if (typeof value === 'function') return false;
  if (typeof value !== 'object' || value === null || seen.has(value)) return true;
  seen.add(value);
  if (ArrayBuffer.isView(value) || COPIED.some((Copied) => value instanceof Copied)) return true;
  const parts = partsOf(value);
  return parts?.every((part) => isData(part, seen)) ?? false;
}

function partsOf(value: object): unknown[] | undefined {
  if (Array.isArray(value)) return value as unknown[];
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)].flat();
  if (value instanceof Set) return [...(value as Set<unknown>)];
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? Object.values(value) : undefined;
}
