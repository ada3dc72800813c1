const SEPARATOR = /[/\\]/;
/** Control and format characters (the latter can turn the text around them), halves of surrogate pairs, non-characters. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Surrogate}\u2028\u2029\ufffe\uffff]/gu;
// They mean something in URLs, in shells or on Windows.
const SPECIAL = /[:*?"<>|%#]/g;
/** Leaves room for a prefix and an id within R2's 1,024 bytes. */
const MAX_NAME_BYTES = 255;
const MAX_EXTENSION_CHARACTERS = 16;
/** More than can be kept. */
const MAX_READ_CHARACTERS = 1024;
const FALLBACK = 'file';
const encoder = new TextEncoder();

/**
 * A file's name as one segment of a key, whatever the client called it: letters of any script are kept; of a path only the
 * last part; control and invisible characters go; `:*?"<>|%#` become `_`; dots and spaces at the ends go, so there is no `..`.
 *
 * @param name what the client said; what is no string counts as empty.
 * @returns 1 to 255 UTF-8 bytes, with the extension; `file` when nothing is left.
 */
export function safeFileName(name: unknown): string {
  const last = (typeof name === 'string' ? name : '').split(SEPARATOR).at(-1) ?? '';
  const clean = trimEnds(bounded(last).normalize('NFC').replaceAll(INVISIBLE, '').replaceAll(SPECIAL, '_'));
  return shortened(clean) || FALLBACK;
}

/** Start and end of an endless name: to normalize and to trim takes time that grows with the square of the length. */
function bounded(name: string): string {
  if (name.length <= MAX_READ_CHARACTERS) return name;
  return name.slice(0, MAX_READ_CHARACTERS) + name.slice(-MAX_EXTENSION_CHARACTERS);
}

function shortened(name: string): string {
  if (encoder.encode(name).byteLength <= MAX_NAME_BYTES) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= MAX_EXTENSION_CHARACTERS ? name.slice(dot) : '';
  const room = MAX_NAME_BYTES - encoder.encode(extension).byteLength;
  let stem = '';
  let bytes = 0;
  for (const character of name.slice(0, name.length - extension.length)) {
    bytes += encoder.encode(character).byteLength;
    if (bytes > room) break;
    stem += character;
  }
  return trimEnds(stem) + extension;
}

function trimEnds(text: string): string {
  return text.replaceAll(/^[\s.]+|[\s.]+$/gu, '');
}
