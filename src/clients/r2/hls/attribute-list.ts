/** One attribute of a tag: its name, and where its value stands in the line, without the quotes. */
export interface PlaylistAttribute {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
}

/**
 * The attributes of a tag, in order (RFC 8216, 4.2). Commas and `=` within quotes belong to the value. What has no `=` is
 * passed over, and so is everything from a quote on that never closes: nobody can say where that value ends.
 *
 * Each step begins where the one before ended, so a hostile line costs no more than its length.
 *
 * @param line the whole line.
 * @param from where the list begins, after the colon.
 */
export function attributesOf(line: string, from: number): PlaylistAttribute[] {
  const attributes: PlaylistAttribute[] = [];
  let position = from;
  while (position < line.length) {
    const equals = line.indexOf('=', position);
    if (equals === -1) break;
    const attribute = attributeAt(line, nameBefore(line, position, equals), equals + 1);
    if (attribute === null) break;
    attributes.push(attribute);
    const comma = line.indexOf(',', attribute.end);
    position = comma === -1 ? line.length : comma + 1;
  }
  return attributes;
}

function nameBefore(line: string, from: number, equals: number): string {
  const text = line.slice(from, equals);
  return text.slice(text.lastIndexOf(',') + 1).trim();
}

function attributeAt(line: string, name: string, from: number): PlaylistAttribute | null {
  let start = from;
  while (line[start] === ' ' || line[start] === '\t') start += 1;
  if (line[start] === '"') {
    const end = line.indexOf('"', start + 1);
    return end === -1 ? null : { name, start: start + 1, end, quoted: true };
  }
  const comma = line.indexOf(',', start);
  const rest = line.slice(start, comma === -1 ? line.length : comma);
  return { name, start, end: start + rest.trimEnd().length, quoted: false };
}
