// llms.txt (https://llmstxt.org): what the documents are, for programs that read. `node scripts/docs/llms.mjs` writes it anew.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { documents } from './guides.mjs';

const ROOT = join(import.meta.dirname, '../..');
const SECTIONS = { Start: 'Start', Guides: 'Guides', Decisions: 'Optional', Project: 'Optional' };

/**
 * The text of llms.txt.
 *
 * @param {string} root folder of the repository.
 * @returns {string}
 */
export function llmsText(root) {
  const { name, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const sections = new Map([
    ['Start', ['- [README](README.md): The first page: clients, injection, examples, limits.']],
  ]);
  for (const { path, group, title, description: about } of documents(root)) {
    const section = SECTIONS[group];
    sections.set(section, [
      ...(sections.get(section) ?? []),
      `- [${title}](${path})${about === '' ? '' : `: ${about}`}`,
    ]);
  }
  const lists = [...sections].map(([section, lines]) => `## ${section}\n\n${lines.join('\n')}\n`);
  return [`# ${name}\n`, `> ${description}\n`, ...NOTES, ...lists].join('\n');
}

const NOTES = [
  'Every error is a `CloudflareClientError` with a `code`; `docs/troubleshooting.md` has an entry for each code. `createContainer(...)` is called at module scope,',
  '`.scope({ env, ctx, request })` once per request. What has to hold exactly (limits, locks, counters, ended sessions) is in Durable Objects, never in KV.\n',
];

/**
 * The text of llms-full.txt: the README and every document, one after the other.
 *
 * @param {string} root folder of the repository.
 * @returns {string}
 */
export function llmsFullText(root) {
  const readme = { path: 'README.md', text: readFileSync(join(root, 'README.md'), 'utf8') };
  const guides = documents(root).filter(({ group }) => group === 'Start' || group === 'Guides');
  return [readme, ...guides].map(({ path, text }) => `<!-- ${path} -->\n\n${text.trim()}\n`).join('\n');
}

if (process.argv[1] === import.meta.filename) writeFileSync(join(ROOT, 'llms.txt'), llmsText(ROOT));
