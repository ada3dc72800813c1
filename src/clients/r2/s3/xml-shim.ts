/**
 * As much of the DOM as the browser build of `@aws-sdk/xml-builder` reads: workerd takes that build and has no
 * `DOMParser`, so without this every listing and every error of S3 fails there (aws-sdk-js-v3#7375).
 */
export const NODE_TYPES = { ELEMENT_NODE: 1, TEXT_NODE: 3 } as const;

/** A run of characters. */
export interface XmlText {
  readonly nodeType: 3;
  readonly nodeName: '#text';
  textContent: string;
}

/** An element, as the parser reads it. */
export interface XmlElement {
  readonly nodeType: 1;
  readonly nodeName: string;
  readonly attributes: { readonly name: string; readonly value: string }[];
  readonly childNodes: (XmlElement | XmlText)[];
  readonly textContent: string;
}

interface XmlDocument {
  readonly documentElement: XmlElement;
  getElementsByTagName(name: string): XmlElement[];
}

const NAMED_ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
// In this order: comment, CDATA, processing instruction, doctype, closing tag, opening tag with attributes, text.
const TOKEN =
  /<!--[^]*?-->|<!\[CDATA\[([^]*?)\]\]>|<\?[^]*?\?>|<!DOCTYPE(?:[^[>]|\[[^\]]*\])*>|<\/([^\s>]+)\s*>|<([^\s/>!?]+)((?:\s+[^\s=/>]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>|([^<]+)/giy;
const ATTRIBUTE = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/** Installs `DOMParser` and `Node` where they are missing; whatever the runtime or the user brings stays. */
export function installXmlShim(target: object = globalThis): void {
  for (const [name, value] of Object.entries({ DOMParser: XmlDomParser, Node: NODE_TYPES })) {
    if (name in target) continue;
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
  }
}

/** Stands in for `DOMParser`: well-formed XML becomes a tree, anything else a document with a `parsererror`, as in browsers. */
export class XmlDomParser {
  /** Parses `xml`; never throws. */
  parseFromString(xml: string): XmlDocument {
    const root = parse(xml.replaceAll(/\r\n?/g, '\n')) ?? element('parsererror');
    return {
      documentElement: root,
      getElementsByTagName: (name) => (root.nodeName === name ? [root] : descendants(root, name)),
    };
  }
}

function parse(xml: string): XmlElement | null {
  const top = element('#document');
  const open: XmlElement[] = [top];
  let position = 0;
  while (position < xml.length) {
    TOKEN.lastIndex = position;
    const match = TOKEN.exec(xml);
    if (match === null) return null;
    position = TOKEN.lastIndex;
    if (!place(match, open)) return null;
  }
  const roots = top.childNodes.filter((child) => child.nodeType === NODE_TYPES.ELEMENT_NODE);
  return open.length === 1 && roots.length === 1 ? (roots[0] ?? null) : null;
}

/** Puts one token into the innermost open element; `false` for a closing tag that closes nothing. */
function place(match: RegExpExecArray, open: XmlElement[]): boolean {
  const [, cdata, closing, opening, attributes, selfClosing, text] = match;
  const parent = open.at(-1);
  if (parent === undefined) return false;
  if (closing !== undefined) return open.length > 1 && open.pop()?.nodeName === closing;
  if (opening !== undefined) {
    const child = element(opening, attributes);
    parent.childNodes.push(child);
    if (selfClosing === '') open.push(child);
    return true;
  }
  const content = cdata ?? (text === undefined ? '' : decodeEntities(text));
  if (content !== '') appendText(parent, content);
  return true;
}

/** One run of characters is one text node, also where a comment or CDATA section stands in it: the SDK reads no other. */
function appendText(parent: XmlElement, content: string): void {
  const last = parent.childNodes.at(-1);
  if (last?.nodeType === NODE_TYPES.TEXT_NODE) last.textContent += content;
  else parent.childNodes.push({ nodeType: 3, nodeName: '#text', textContent: content });
}

function element(nodeName: string, attributes = ''): XmlElement {
  const childNodes: XmlElement['childNodes'] = [];
  return {
    nodeType: 1,
    nodeName,
    attributes: Array.from(attributes.matchAll(ATTRIBUTE), ([, name = '', double, single]) => ({
      name,
      value: decodeEntities(double ?? single ?? ''),
    })),
    childNodes,
    get textContent() {
      return childNodes.map((child) => child.textContent).join('');
    },
  };
}

function descendants(parent: XmlElement, name: string): XmlElement[] {
  return parent.childNodes.flatMap((child) => {
    if (child.nodeType !== NODE_TYPES.ELEMENT_NODE) return [];
    return child.nodeName === name ? [child, ...descendants(child, name)] : descendants(child, name);
  });
}

/** One pass, so that `&amp;lt;` becomes `&lt;` and not `<`. An entity that is not known stays as it is. */
function decodeEntities(text: string): string {
  return text.replaceAll(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole: string, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return NAMED_ENTITIES[name] ?? whole;
      const codePoint = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : whole;
    },
  );
}
