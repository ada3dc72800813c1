import { XmlDomParser, type XmlElement } from '../s3/xml-shim.js';

export type { XmlElement };

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/**
 * The root element of a document.
 *
 * @returns `null` for what is not well-formed.
 */
export function parseXml(xml: string): XmlElement | null {
  const root = new XmlDomParser().parseFromString(xml).documentElement;
  return root.nodeName === 'parsererror' ? null : root;
}

/** The elements directly below `parent`, in their order; those of one name when it is given. */
export function elementsOf(parent: XmlElement, name?: string): XmlElement[] {
  const elements = parent.childNodes.filter((child): child is XmlElement => child.nodeType === 1);
  return name === undefined ? elements : elements.filter((element) => element.nodeName === name);
}

/** The text of the one element of that name below `parent`; `undefined` when there is none. */
export function textOf(parent: XmlElement, name: string): string | undefined {
  return elementsOf(parent, name)[0]?.textContent;
}

/** An element as it was read, as XML again; namespaces and order stay. */
export function writeXml(element: XmlElement): string {
  const attributes = element.attributes.map(({ name, value }) => ` ${name}="${escapeXml(value)}"`).join('');
  const content = element.childNodes.map((child) =>
    child.nodeType === 1 ? writeXml(child) : escapeXml(child.textContent),
  );
  return `<${element.nodeName}${attributes}>${content.join('')}</${element.nodeName}>`;
}

/** An element with text in it. */
export function xmlElement(name: string, text: string | number): string {
  return `<${name}>${escapeXml(String(text))}</${name}>`;
}

function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ESCAPES[character] ?? character);
}
