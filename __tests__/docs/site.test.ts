import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

const root = join(__dirname, '../..');
const BUILD_TIMEOUT_MS = 240_000;

/** What a page offers to links: the ids of its elements. */
const idsOf = (html: string): Set<string> =>
  new Set([...html.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => decoded(id!)));
const decoded = (text: string): string =>
  text.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&#39;', "'");

describe('the site of the documents', () => {
  let folder: string;
  let files: string[];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'codex-docs-site-'));
    // Fails on any warning: an unresolved {@link}, a broken path, what is exported without a comment.
    execFileSync(process.execPath, ['scripts/build-docs.mjs', '--out', folder], { cwd: root, encoding: 'utf8' });
    files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.html'));
  }, BUILD_TIMEOUT_MS);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has no link, image or anchor that leads nowhere', () => {
    const pages = new Map(files.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
    const ids = new Map([...pages].map(([name, html]) => [name, idsOf(html)]));
    const broken: string[] = [];
    let count = 0;
    for (const [name, html] of pages) {
      for (const [, quoted] of html.matchAll(/\s(?:href|src)="([^"]*)"/g)) {
        const target = decoded(quoted!);
        if (/^(?:https?:|data:|mailto:|#?$)/.test(target)) continue;
        count += 1;
        const [path = '', anchor] = decodeURI(target).split('#');
        const file = path === '' ? name : relative(folder, join(folder, dirname(name), path.replace(/\?.*$/, '')));
        const isThere = existsSync(join(folder, file)) && statSync(join(folder, file)).isFile();
        if (!isThere || (anchor !== undefined && anchor !== '' && ids.has(file) && !ids.get(file)!.has(anchor))) {
          broken.push(`${name}: ${target}`);
        }
      }
    }
    expect(count).toBeGreaterThan(5_000);
    expect([...new Set(broken)]).toEqual([]);
  });

  it('has a page for every guide, the README as the first page, and a module for every entry of the package', () => {
    const guides = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
    const titles = guides.map((name) => /^# (.+)$/m.exec(readFileSync(join(root, 'docs', name), 'utf8'))![1]!);
    const pages = files.filter((name) => name.startsWith('documents/'));
    const headings = pages.map((name) => readFileSync(join(folder, name), 'utf8').replace(/<[^>]*>/g, ''));
    for (const title of titles) expect(headings.some((text) => text.includes(title.replaceAll('`', '')))).toBe(true);
    expect(readFileSync(join(folder, 'index.html'), 'utf8')).toContain('one container per request');
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object };
    const modules = files.filter((name) => name.startsWith('modules/'));
    expect(modules).toHaveLength(Object.keys(exports).length - 1);
  });

  it('loads nothing from elsewhere', () => {
    for (const name of files) {
      const html = readFileSync(join(folder, name), 'utf8');
      expect(
        [...html.matchAll(/<(?:script|link|img|iframe)[^>]*(?:src|href)="(?:https?:)?\/\/[^"]*"/g)].map(([tag]) => tag),
      ).toEqual([]);
    }
    expect(readFileSync(join(folder, 'assets/style.css'), 'utf8')).not.toMatch(/url\(["']?https?:/);
  });

  it('holds llms.txt, the Markdown that it links to, and llms-full.txt with all of it', () => {
    const text = readFileSync(join(folder, 'llms.txt'), 'utf8');
    const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => path!);
    expect(links.length).toBeGreaterThan(15);
    for (const path of links) expect(existsSync(join(folder, path))).toBe(true);
    const full = readFileSync(join(folder, 'llms-full.txt'), 'utf8');
    for (const path of links.filter((link) => /^docs\/[a-z]/.test(link) && !link.includes('decisions'))) {
      expect(full).toContain(`<!-- ${path} -->`);
    }
  });
});
