/** An item of a List of structured fields with its parameters. */
export interface SfItem {
  readonly value: string | number;
  readonly params: ReadonlyMap<string, string | number | Uint8Array>;
}

/**
 * Parses a List of Strings and Integers (RFC 9651, section 4.2.1), as strictly as a client must.
 *
 * @throws {Error} at the first character that the grammar has no place for.
 */
export function parseList(text: string): SfItem[] {
  let rest = text;
  const take = (pattern: RegExp): string | undefined => {
    const found = new RegExp(`^(?:${pattern.source})`).exec(rest)?.[0];
    if (found !== undefined) rest = rest.slice(found.length);
    return found;
  };
  const must = (pattern: RegExp): string => {
    const found = take(pattern);
    if (found === undefined) throw new Error(`no ${pattern.source} at ${JSON.stringify(rest)}`);
    return found;
  };
  const bare = (): string | number | Uint8Array => {
    const string = take(/"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"/);
    if (string !== undefined) return string.slice(1, -1).replace(/\\(["\\])/g, '$1');
    const bytes = take(/:(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?:/);
    if (bytes !== undefined) return new Uint8Array(Buffer.from(bytes.slice(1, -1), 'base64'));
    return Number(must(/-?\d{1,15}(?![\d.])/));
  };
  const items: SfItem[] = [];
  do {
    take(/[ \t]*/);
    const value = bare() as string | number;
    const params = new Map<string, string | number | Uint8Array>();
    while (take(/; */) !== undefined) {
      const key = must(/[a-z*][a-z0-9_.*-]*/);
      must(/=/);
      params.set(key, bare());
    }
    items.push({ value, params });
    take(/[ \t]*/);
  } while (take(/,(?=.)/) !== undefined);
  if (rest !== '') throw new Error(`what is ${JSON.stringify(rest)}`);
  return items;
}
