// What is a page of the documents, in the order in which it is read. llms.txt, the site and the tests take their lists from here.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Guides by group, in their order, each with what it is about. A guide of docs/ that is not named here comes last in the group "Guides". */
const ORDER = {
  Start: {
    architecture:
      'What is there once per isolate and once per request, how consistent each store is, one page view step by step, and what happens when a part fails.',
    sveltekit: 'The package in a SvelteKit app on Cloudflare: hooks, locals, bindings, prerendered pages.',
    workers: 'The package in Workers: fetch, queue, scheduled and RPC entrypoints, each with a scope of its own.',
    hono: 'The package in Hono: middleware, typed variables, limits and errors.',
    recipes: 'Small complete files for SvelteKit, Workers, Hono, Better Auth, Uppy 6 and hls.js.',
    migration:
      'From bare KV and R2 bindings, cachified, hono-rate-limiter and the presigner of the AWS SDK: before, after, what changes, and the way back.',
    troubleshooting: 'Every error code with its message, its causes and what to do; and symptoms that have no code.',
  },
  Guides: {
    caching: 'CacheClient and @Cached: TTLs, stale values, tags, tiers, batches, codecs, events.',
    sessions: 'SessionCacheClient: sessions in KV in front of a database, and how ended sessions stay ended.',
    'rate-limiting':
      'RateLimiterClient: stores, algorithms, costs, what happens when the store fails, adapters for other limiters.',
    'locks-and-counters':
      'LockClient and CounterClient: leases with a fence, waiting in line, exact counters, stock, work that is done once.',
    'better-auth': 'Better Auth 1.7 with its secondary storage on Durable Objects.',
    'private-hls': 'Video that only a viewer may play: tokens in the path, cookies, signed playlists.',
    uploads: 'From the browser straight to R2: signed PUTs, Uppy 4, 5 and 6, CORS, temporary credentials.',
    'media-worker':
      'A whole Worker and its deployment: queues, event notifications, transcoding, webhooks, cron triggers and RPC.',
    'r2-operations':
      'Deleting, copying and replicating many objects, event notifications, lifecycle and CORS of buckets.',
    'codex-r2': 'The command line for objects, media and settings of buckets.',
    performance: 'Measured figures against peers, and how to measure again.',
    soak: 'The example Worker under mixed traffic and injected faults: how it is run, what is checked, and a run.',
  },
};

/** Documents outside docs/. */
const OTHERS = [
  {
    path: 'coordination-worker/README.md',
    group: 'Guides',
    about: 'A Worker that holds the Durable Object classes for apps that cannot export classes, such as SvelteKit.',
  },
  { path: 'CONTRIBUTING.md', group: 'Project', about: 'Commands, folders, and what a change needs.' },
  { path: 'CHANGELOG.md', group: 'Project', about: 'What changed, by version.' },
];

/** Groups in the order of the site's navigation; what is generated from the sources follows them. */
export const GROUPS = ['Start', 'Guides', 'Decisions', 'Project', 'Files'];

/**
 * All documents of the repository that are pages of the site, in reading order.
 *
 * @param {string} root folder of the repository.
 * @returns {{ path: string, group: string, title: string, description: string, text: string }[]}
 */
export function documents(root) {
  const names = markdownIn(join(root, 'docs'));
  const known = Object.entries(ORDER).flatMap(([group, guides]) =>
    Object.entries(guides).map(([name, about]) => ({ name, group, about })),
  );
  const rest = names.filter((name) => !known.some((guide) => guide.name === name));
  const guides = [
    ...known.filter(({ name }) => names.includes(name)),
    ...rest.map((name) => ({ name, group: 'Guides' })),
  ];
  const decisions = markdownIn(join(root, 'docs/decisions')).sort(
    (a, b) => Number(b === 'README') - Number(a === 'README') || (a < b ? -1 : 1),
  );
  const paths = [
    ...guides.map(({ name, group, about }) => ({ path: `docs/${name}.md`, group, about })),
    ...decisions.map((name) => ({ path: `docs/decisions/${name}.md`, group: 'Decisions', about: '' })),
    ...OTHERS.filter(({ path }) => existsSync(join(root, path))),
  ];
  return paths.map((page) => described(root, page));
}

function markdownIn(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .map((name) => name.slice(0, -'.md'.length));
}

function described(root, { path, group, about }) {
  const text = readFileSync(join(root, path), 'utf8');
  const title = /^# (.+)$/m.exec(text)?.[1];
  if (title === undefined) throw new Error(`${path} has no heading of the first level.`);
  return { path, group, title: plain(title), description: about ?? firstSentence(text), text };
}

/** The first sentence after the first heading. */
function firstSentence(text) {
  const [, paragraph = ''] = /^# .+\n\n([^#][\s\S]*?)\n\n/m.exec(`${text}\n\n`) ?? [];
  const line = paragraph.replace(/\s+/g, ' ').trim();
  return plain(/^.*?[.:!?](?= [A-Z`[]|$)/.exec(line)?.[0] ?? line).replace(/:$/, '.');
}

/** Text without the marks of Markdown. */
function plain(markdown) {
  return markdown.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
}
