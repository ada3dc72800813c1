import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root, typeCheck } from '../support/type-check.js';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const GUIDES = [
  'caching',
  'uploads',
  'private-hls',
  'r2-operations',
  'rate-limiting',
  'locks-and-counters',
  'sessions',
  'better-auth',
  'workers',
  'sveltekit',
  'hono',
  'architecture',
  'troubleshooting',
  'migration',
  'recipes',
  'media-worker',
];
/** Guides without TypeScript. */
const PLAIN_GUIDES = ['soak', 'codex-r2', 'performance'];
const guides = GUIDES.map((name) => `docs/${name}.md`);
const linking = [...GUIDES, ...PLAIN_GUIDES].map((name) => `docs/${name}.md`);

/** The TypeScript in a document. */
const examplesOf = (text: string): string[] => [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
const examples = examplesOf(readme);

/** What the examples take from the app around them. */
const SURROUNDINGS = `
import type { KVNamespace, R2Bucket } from '@cloudflare/workers-types';
declare global {
  interface Env {
    AUTH_SESSION_KV: KVNamespace; RATE_LIMIT_KV: KVNamespace; CACHE_KV: KVNamespace;
    R2_ACCOUNT_ID: string; R2_ACCESS_KEY_ID: string; R2_SECRET_ACCESS_KEY: string;
  }
  interface Env { ANALYTICS: AnalyticsEngineDataset; MEDIA: R2Bucket }
  interface Env { HLS_SECRET: string; HLS_OLD_SECRET: string }
  interface Env { RATE_LIMITER: DurableObjectNamespace; FLOOD_FILTER: RateLimit; LOCKS: DurableObjectNamespace }
  interface Env { COUNTERS: DurableObjectNamespace; SESSIONS: DurableObjectNamespace }
  interface Env { AUTH_SECRET: string; AUTH_PEPPER: string; AUTH_KEY: string }
  function verifyPassword(email: string, password: string): Promise<boolean>;
  function fetchFront(signal: AbortSignal): Promise<string[]>;
  function openDatabase(env: object): { titles(): Promise<string[]> };
}
export {};
`;

describe.each(guides)('%s', (path) => {
  const text = readFileSync(join(root, path), 'utf8');

  it('has examples that compile', () => {
    const codes = examplesOf(text);
    expect(codes.length).toBeGreaterThan(0);
    const texts = Object.fromEntries(codes.map((code, index) => [`guide-${index}`, code]));
    expect(typeCheck({ surroundings: SURROUNDINGS, ...texts })).toEqual([]);
  });
});

it('knows every guide', () => {
  const files = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  expect(linking.map((path) => path.slice('docs/'.length)).sort()).toEqual(files.sort());
});

describe.each(linking)('%s', (path) => {
  const text = readFileSync(join(root, path), 'utf8');

  it('links to files that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link!);
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) {
      const target = join(root, path, '..', link);
      expect(ts.sys.fileExists(target) || ts.sys.directoryExists(target)).toBe(true);
    }
  });
});

describe('the README', () => {
  it('has examples that compile', () => {
    expect(examples.length).toBeGreaterThan(5);
    const texts = Object.fromEntries(examples.map((code, index) => [`readme-${index}`, code]));
    expect(typeCheck({ surroundings: SURROUNDINGS, ...texts })).toEqual([]);
  });

  it('is checked for real: a misspelt method is an error', () => {
    const code = "import { CacheClient } from '@codex/cloudflare-clients'; CacheClient.prototype.gett;";
    expect(typeCheck({ misspelt: code })).toHaveLength(1);
  });

  it('shows its first example before line 30', () => {
    const lines = readme.split('\n');
    expect(lines.slice(0, 30).filter((line) => line.startsWith('```'))).toHaveLength(2);
  });

  it('links to files that exist', () => {
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path!);
    expect(links.length).toBeGreaterThan(4);
    for (const link of links)
      expect(ts.sys.fileExists(join(root, link)) || ts.sys.directoryExists(join(root, link))).toBe(true);
  });
});
