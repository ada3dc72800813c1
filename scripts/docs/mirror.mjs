// Copies of the documents for typedoc: with front matter, and with links that lead to pages of the site.
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, posix, relative, resolve } from 'node:path';
import { replaceLinks } from './markdown-links.mjs';

/** Stands for the first page, which is no document to typedoc; taken out of the finished pages. */
export const FIRST_PAGE = 'https://first-page.invalid/';

const LANGUAGES = { '.mjs': 'js', '.ts': 'ts', '.sql': 'sql', '.json': 'json', '.jsonc': 'json' };
const IMAGES = ['.svg', '.png', '.jpg', '.webp'];

/**
 * Writes the copies.
 *
 * @param {{ root: string, folder: string, documents: { path: string, group: string, title: string, text: string }[] }} input
 * @returns {string[]} the copies in reading order, the README first; files that documents link to follow as pages of their own.
 */
export function mirrorDocuments({ root, folder, documents }) {
  const known = new Set(documents.map(({ path }) => path));
  const files = new Set();
  const write = (path, text) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    return join(folder, path);
  };
  const linked = (path, text) => replaceLinks(text, (target) => targetOf(target, path));

  const targetOf = (target, from) => {
    if (/^(?:[a-z]+:|#)/.test(target)) return target;
    const [file, anchor] = target.split('#');
    const hash = anchor === undefined ? '' : `#${anchor}`;
    const path = posix.normalize(relative(root, resolve(root, dirname(from), file)));
    if (path === 'README.md') return `${FIRST_PAGE}${hash}`;
    if (!existsSync(join(root, path))) throw new Error(`${from} links to ${target}, which does not exist.`);
    if (statSync(join(root, path)).isDirectory()) {
      const readme = posix.join(path, 'README.md');
      return known.has(readme) ? `${file.replace(/\/$/, '')}/README.md` : null;
    }
    if (known.has(path)) return target;
    if (IMAGES.includes(extname(path))) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      copyFileSync(join(root, path), join(folder, path));
      return target;
    }
    files.add(path);
    return `${file}.md${hash}`;
  };

  // typedoc puts the package's name over its first page: without the heading it stands there once.
  const text = readFileSync(join(root, 'README.md'), 'utf8').replace(/^# .+\n/, '');
  const readme = write('README.md', linked('README.md', text));
  const pages = documents.map(({ path, group, title, text }) =>
    write(path, `---\ntitle: ${JSON.stringify(title)}\ngroup: ${group}\n---\n\n${linked(path, text)}`),
  );
  const listings = [...files].sort().map((path) => write(`${path}.md`, listing(root, path)));
  return [readme, ...pages, ...listings];
}

/** A file of the repository as a page. */
function listing(root, path) {
  const text = readFileSync(join(root, path), 'utf8').trimEnd();
  const fence = '````';
  const language = LANGUAGES[extname(path)] ?? 'text';
  return `---\ntitle: ${JSON.stringify(path)}\ngroup: Files\n---\n\n# \`${path}\`\n\n${fence}${language}\n${text}\n${fence}\n`;
}
