/** The `name` option: a fixed one, or what says it for an instance. */
export type KeyName = string | ((self: never) => string);

/** Which of the options that make an entry a method was given. */
export interface KeyShape {
  /** The method. */
  readonly method: string;
  /** Whether it only stores, as `@CachePut` does: it means the entry of another method and has none of its own. */
  readonly isPut: boolean;
  /** The `name` option. */
  readonly name: KeyName | undefined;
  /** Whether there is a `key` option: then methods may share a name, and their keys tell them apart. */
  readonly hasKey: boolean;
  /** Whether there is a `scope` option. In a class, the methods of one name have one all or none: they mean the same entries. */
  readonly hasScope: boolean;
  /** The `codec` option, which says how the entry is stored. */
  readonly codec: unknown;
}

/** Why two methods of a class cannot share a name; `null` when they can. */
export function sharingFault(one: KeyShape, other: KeyShape): string | null {
  if (one.hasScope !== other.hasScope && one.hasKey && other.hasKey) {
    return 'Give both a scope or neither, or each a name of its own';
  }
  return entryFault(one, other);
}

/** Why a method cannot have the name of one that its class inherits; `null` when it can. */
export function inheritedFault(inherited: KeyShape, own: KeyShape): string | null {
  if (inherited.method === own.method && !(inherited.isPut && own.isPut)) {
    return 'An override is another method than the one that it overrides: give it a name of its own';
  }
  // With a scope and without one, keys differ.
  return inherited.hasScope === own.hasScope ? entryFault(inherited, own) : null;
}

function entryFault(one: KeyShape, other: KeyShape): string | null {
  if (!one.hasKey || !other.hasKey) {
    return 'Give each a name of its own, or both a key: methods that share a name, as @Cached and @CachePut do for one entry, both say with key which entry a call means';
  }
  if (one.codec === other.codec) return null;
  return 'Give both the same codec, or each a name of its own: what one stores, the other reads, and what one encrypts, the other must not store in the clear';
}
