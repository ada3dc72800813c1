// Builds the site of the documents: the README, the guides and the reference of every public entry, as static pages with a search.
//   node scripts/build-docs.mjs [--out FOLDER]      default: docs-site/, or the folder in DOCS_OUT
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { Application, IndexEvent } from 'typedoc';
import { documents, GROUPS } from './docs/guides.mjs';
import { llmsFullText, llmsText } from './docs/llms.mjs';
import { FIRST_PAGE, mirrorDocuments } from './docs/mirror.mjs';
import { arrangeReference } from './docs/reference.mjs';

const ROOT = join(import.meta.dirname, '..');
const { values } = parseArgs({ options: { out: { type: 'string' } } });
const out = values.out ?? process.env.DOCS_OUT ?? join(ROOT, 'docs-site');

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
/** Each entry of the package, by the file in src that it is built from. */
const entries = Object.entries(manifest.exports).flatMap(([name, target]) =>
  typeof target === 'string' ? [] : [[target.types.replace('./dist/', 'src/').replace(/\.d\.ts$/, '.ts'), name]],
);

/** Protocols between a client and its object, and shapes that say nothing alone: shown where they are used, without pages. */
const NOT_EXPORTED = [
  ...[
    'CounterApi',
    'OnceApi',
    'LockApi',
    'RateLimitApi',
    'BeginReply',
    'ReadReply',
    'LockAnswer',
    'LeaseAnswer',
    'LockStatus',
  ],
  ...[
    'CheckReply',
    'ValueReply',
    'AbandonRequest',
    'BeginRequest',
    'ChangeRequest',
    'RunRequest',
    'LockRequest',
    'CheckRequest',
  ],
  ...[
    'RefundRequest',
    'DeleteValueRequest',
    'EndAllRequest',
    'EndSessionRequest',
    'IncrementValueRequest',
    'SetValueRequest',
  ],
  ...['ValueChange', 'ChangeReply', 'SetValueOutcome', 'OnceOutcome', 'MakeMachine'],
  ...['LEVELS', 'EventCounts', 'FOLDERS', 'SyncOutcome', 'AsText', 'As'],
];

const pages = documents(ROOT);
const folder = mkdtempSync(join(tmpdir(), 'codex-docs-'));
const copies = mirrorDocuments({ root: ROOT, folder, documents: pages });
const isClean = await build(copies).finally(() => rmSync(folder, { recursive: true }));
if (!isClean) process.exit(1);

/** Builds the site from copies of the documents; `false` when anything was warned of. */
async function build([readme, ...projectDocuments]) {
  const app = await Application.bootstrap({
    name: manifest.name,
    entryPoints: entries.map(([file]) => join(ROOT, file)),
    tsconfig: join(ROOT, 'tsconfig.build.json'),
    skipErrorChecking: true, // `npm run typecheck` does that
    readme,
    projectDocuments,
    out,
    customCss: join(ROOT, 'scripts/docs/site.css'),
    highlightLanguages: [
      'bash',
      'css',
      'html',
      'javascript',
      'json',
      'jsonc',
      'js',
      'jsx',
      'sql',
      'svelte',
      'text',
      'toml',
      'ts',
      'tsx',
      'typescript',
    ],
    searchInDocuments: true,
    searchInComments: true,
    searchGroupBoosts: { Start: 15, Guides: 6 },
    navigation: { includeGroups: true, includeCategories: true, includeFolders: false },
    categorizeByGroup: false,
    groupOrder: [...GROUPS, 'Modules', '*'],
    sortEntryPoints: false,
    disableGit: true,
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    includeHierarchySummary: false,
    hideGenerator: true,
    treatWarningsAsErrors: true,
    treatValidationWarningsAsErrors: true,
    intentionallyNotExported: NOT_EXPORTED,
    requiredToBeDocumented: ['Enum', 'Class', 'Interface', 'Function', 'TypeAlias', 'Variable', 'Method', 'Accessor'],
    validation: {
      notExported: true,
      invalidLink: true,
      invalidPath: true,
      rewrittenLink: true,
      notDocumented: true,
      unusedMergeModuleWith: true,
    },
  });
  arrangeReference(app, { root: ROOT, packageName: manifest.name, entries, groups: GROUPS });
  app.renderer.on(IndexEvent.PREPARE_INDEX, boostCodes);
  app.renderer.on('endPage', (page) => {
    page.contents = page.contents?.replaceAll(FIRST_PAGE, `${relative(dirname(page.url), '.') || '.'}/index.html`);
  });
  const project = await app.convert();
  if (project === undefined) return false;
  app.validate(project);
  await app.generateOutputs(project);
  writeTexts();
  return !app.logger.hasErrors() && !app.logger.hasWarnings();
}

/** Who looks for an error by its code wants its entry, and not every method that can throw it. */
function boostCodes(event) {
  const index = event.searchResults.findIndex(({ name }) => name === 'Troubleshooting');
  const { text } = pages.find(({ path }) => path === 'docs/troubleshooting.md');
  event.searchFields[index].codes = [...text.matchAll(/^### `([A-Z0-9_]+)`$/gm)].map(([, code]) => code).join(' ');
  event.searchFieldWeights.codes = 100;
}

/** llms.txt, llms-full.txt, and the Markdown that llms.txt links to. */
function writeTexts() {
  writeFileSync(join(out, 'llms.txt'), llmsText(ROOT));
  writeFileSync(join(out, 'llms-full.txt'), llmsFullText(ROOT));
  for (const path of ['README.md', ...pages.map((page) => page.path)]) {
    mkdirSync(dirname(join(out, path)), { recursive: true });
    cpSync(join(ROOT, path), join(out, path));
  }
}
