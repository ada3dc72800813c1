import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');
const page = readFileSync(join(root, 'docs/troubleshooting.md'), 'utf8');
const CODE = /^[A-Z][A-Z0-9_]+$/;

/** The codes of the closed union in src/errors.ts. */
function codesOf(text: string): string[] {
  const [, union = ''] = /export type ErrorCode =([\s\S]*?);/.exec(text) ?? [];
  return [...union.matchAll(/'([A-Z0-9_]+)'/g)].map(([, code]) => code!);
}

/** The entries of the page, by heading. */
function entriesOf(text: string): { title: string; body: string }[] {
  return text
    .split(/^### /m)
    .slice(1)
    .map((part) => {
      const [heading = '', ...lines] = part.split('\n');
      return { title: heading.replaceAll('`', ''), body: lines.join('\n').split(/^## /m)[0]! };
    });
}

/** The messages that an entry quotes: the paragraphs of its block quote. */
function messagesOf(body: string): string[] {
  const quote = body.split('\n').filter((line) => line.startsWith('>'));
  const text = quote.map((line) => line.slice(1).trim()).join('\n');
  return text.split(/\n\n/).map((message) => message.replaceAll('\n', ' ').trim());
}

/** All sources as one text in which a message that is put together over several lines reads as one. */
function sources(): string {
  const names = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.ts$/.test(name),
  );
  const texts = names
    .filter((name) => !name.startsWith('testing'))
    .map((name) => readFileSync(join(root, 'src', name), 'utf8'));
  return texts
    .join('\n')
    .replace(/['`] \+\s*['`]/g, '')
    .replaceAll('\\`', '`');
}

/** A message as it stands in the sources: `{word}` is what is put in there. */
function patternOf(message: string): RegExp {
  const parts = message.split(/\{[a-z0-9]+\}/i).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.join('[^\\n]{0,160}?'));
}

const codes = codesOf(readFileSync(join(root, 'src/errors.ts'), 'utf8'));
const entries = entriesOf(page).filter(({ title }) => CODE.test(title));
const text = sources();

describe('the page on troubles', () => {
  it('has one entry for each code, and no entry for what is no code', () => {
    expect(codes.length).toBeGreaterThan(50);
    expect(entries.map(({ title }) => title).sort()).toEqual([...codes].sort());
  });

  it.each(entries)('quotes what the sources say, and says more: $title', ({ body }) => {
    const messages = messagesOf(body);
    expect(messages.filter((message) => message !== '').length).toBeGreaterThan(0);
    expect(messages.filter((message) => !patternOf(message).test(text))).toEqual([]);
    expect(body.replace(/^>.*$/gm, '').trim().length).toBeGreaterThan(30);
  });

  it('notices a message that no source has', () => {
    expect(patternOf('The moon {phase} is full.').test(text)).toBe(false);
    expect(patternOf('The loader did not answer within {timeout} ms.').test(text)).toBe(true);
  });
});
