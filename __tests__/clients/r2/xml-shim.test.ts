import fc from 'fast-check';
import { installXmlShim, NODE_TYPES, XmlDomParser } from '../../../src/clients/r2/s3/xml-shim.js';

type ParseXml = (xml: string) => unknown;
// The SDK's own parser for Node; the shim lies under its other one, for browsers and workerd.
const sdk = jest.requireActual<{ parseXML: ParseXml }>('@aws-sdk/xml-builder');

/** What `xml-parser.browser.js` of the SDK does with a DOM, for the documents that S3 sends. */
function viaDom(xml: string): unknown {
  const { documentElement, getElementsByTagName } = new XmlDomParser().parseFromString(xml);
  if (getElementsByTagName('parsererror').length > 0) throw new Error('DOMParser XML parsing error.');
  return { [documentElement.nodeName]: toObject(documentElement) };
}

type Tree = ReturnType<XmlDomParser['parseFromString']>['documentElement'];

function toObject(node: Tree | Tree['childNodes'][number]): unknown {
  if (node.nodeType === NODE_TYPES.TEXT_NODE) return node.textContent.trim() === '' ? null : node.textContent;
  if (node.attributes.length === 0 && node.childNodes.length === 0) return '';
  const result: Record<string, unknown> = Object.fromEntries(node.attributes.map(({ name, value }) => [name, value]));
  const only = node.childNodes.length === 1 && node.attributes.length === 0;
  for (const child of node.childNodes) {
    const value = toObject(child);
    if (value === null) {
      if (only) return node.textContent;
      continue;
    }
    if (only && child.nodeName === '#text') return value;
    const before = result[child.nodeName];
    if (before === undefined) result[child.nodeName] = value;
    else result[child.nodeName] = Array.isArray(before) ? [...(before as unknown[]), value] : [before, value];
  }
  return result;
}

describe('XmlDomParser', () => {
  it.each([
    [
      'a listing',
      `<?xml version="1.0" encoding="UTF-8"?>
       <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
         <Name>b</Name><IsTruncated>false</IsTruncated><Prefix/><KeyCount>2</KeyCount>
         <Contents><Key>a &amp; b</Key><ETag>&quot;d41d8&quot;</ETag><Size>0</Size></Contents>
         <Contents><Key>c</Key><ETag>"x"</ETag><Size>1</Size></Contents>
       </ListBucketResult>`,
    ],
    ['an error', '<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>'],
    ['an empty message', '<Error><Code>X</Code><Message></Message><Resource/></Error>'],
    ['CDATA', '<A><B><![CDATA[<x> & ]] y]]></B></A>'],
    ['text, CDATA and a comment in one value', '<A><B>one <![CDATA[<two>]]><!-- no --> three</B></A>'],
    ['numeric entities', '<A><B>&#x41;&#66;&#xe9;</B></A>'],
    ['an escaped entity', '<A><B>&amp;lt;&amp;amp;amp;</B></A>'],
    ['namespaces and attributes', `<n:A xmlns:n='u'><n:B x:y="1 &lt; 2" z='"'>t</n:B></n:A>`],
    [
      'a doctype, comments and instructions',
      '<?xml version="1.0"?><!DOCTYPE A [<!ELEMENT A ANY>]><!-- c --><A><?pi?>t</A>',
    ],
    ['line ends of every kind', '<A>\r\n<B>a\r\nb\rc</B>\r</A>'],
    ['a key of one space', '<A><Key> </Key></A>'],
    ['spaces inside a tag', '<A ><B\n/><C  >t</C ></A >'],
    ['greater-than signs in text', '<A>a > b ]]</A>'],
  ])('reads %s as the parser of the SDK does', (_name, xml) => {
    expect(viaDom(xml)).toEqual(sdk.parseXML(xml));
  });

  it('decodes entities beyond the basic plane, which the parser of the SDK does not', () => {
    expect(viaDom('<A>&#x1F3AC;&#127916;</A>')).toEqual({ A: '🎬🎬' });
  });

  it.each([
    '',
    'Bad Gateway',
    '<html><br></html>',
    '<A></B>',
    '<A>',
    '</A>',
    '<A/><B/>',
    '<A',
    '<A b=c></A>',
    '<A>a & <</A>',
  ])('answers %j with a parser error', (xml) => {
    expect(() => viaDom(xml)).toThrow('DOMParser XML parsing error.');
  });

  it('gives back any text that was escaped', () => {
    const escaped = (text: string): string =>
      text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
        fc.pre(!text.includes('\r'));
        expect(viaDom(`<A><B>${escaped(text)}</B></A>`)).toEqual({ A: { B: text } });
      }),
    );
  });

  it('reads 1,000 entries in time that grows with their number', () => {
    const entry = '<Contents><Key>k&amp;</Key><Size>1</Size></Contents>';
    const { documentElement } = new XmlDomParser().parseFromString(`<R>${entry.repeat(1000)}</R>`);
    expect(documentElement.childNodes).toHaveLength(1000);
  });
});

describe('installXmlShim', () => {
  it('fills in what is missing, and keeps what is there', () => {
    const existing = { mine: true };
    const target: Record<string, unknown> = { Node: existing };
    installXmlShim(target);
    expect(target['DOMParser']).toBe(XmlDomParser);
    expect(target['Node']).toBe(existing);
  });
});
