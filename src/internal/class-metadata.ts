// TC39 decorators see their class only through its metadata object, which compilers emit where this symbol exists.
const symbols = Symbol as { metadata?: symbol };
if (symbols.metadata === undefined) Object.defineProperty(Symbol, 'metadata', { value: Symbol.for('Symbol.metadata') });

/** `Symbol.metadata`, defined where the runtime lacks it; a class decorated in TC39 style keeps its metadata under it. */
export const CLASS_METADATA: unique symbol = (symbols as { metadata: never }).metadata;
