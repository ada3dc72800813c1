import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Miniflare } from 'miniflare';
import { errorsOfOurs } from './support/errors-of-ours.js';
import { installProject, type Project } from './support/project.js';

/** Serves what wrangler made of the build, with its assets, as Workers do. */
async function serve(project: Project): Promise<Miniflare> {
  // Miniflare tells a missing file by the class of the error, which in Jest's realm is another one.
  for (const name of ['_redirects', '_headers'])
    appendFileSync(join(project.folder, '.svelte-kit/cloudflare', name), '');
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: '_worker.js', contents: project.read('out/_worker.js') }],
    compatibilityDate: '2026-04-20',
    compatibilityFlags: ['nodejs_als'],
    host: '127.0.0.1',
    port: 0,
    kvNamespaces: ['CACHE_KV'],
    assets: {
      directory: join(project.folder, '.svelte-kit/cloudflare'),
      binding: 'ASSETS',
      routerConfig: { has_user_worker: true },
    },
  });
  await miniflare.ready;
  return miniflare;
}

describe.each(['sveltekit-vite7', 'sveltekit-vite8'])('an app of SvelteKit: %s', (name) => {
  let project: Project;
  let miniflare: Miniflare | undefined;

  beforeAll(async () => {
    project = await installProject(name);
  }, 200_000);

  afterAll(async () => {
    await miniflare?.dispose();
    project.remove();
  });

  it('builds, with a page that is prerendered', async () => {
    const { code, output } = await project.bin('vite', ['build']);
    expect([code, output]).toEqual([0, expect.stringContaining('Using @sveltejs/adapter-cloudflare')]);
  }, 180_000);

  it('has the types of what the hook adds', async () => {
    expect(errorsOfOurs(await project.bin('tsc', ['-p', 'tsconfig.json']))).toEqual([]);
  }, 120_000);

  it('is served by workerd: a cached service in a page, beside the prerendered one', async () => {
    const { code, output } = await project.bin('wrangler', ['deploy', '--dry-run', '--outdir', 'out']);
    expect([code, output]).toEqual([0, expect.stringContaining('--dry-run: exiting now.')]);
    miniflare = await serve(project);
    const url = await miniflare.ready;
    const text = async (path: string): Promise<string> =>
      /<h1>(?:<!--.*?-->)*(.*?)(?:<!--.*?-->)*<\/h1>/.exec(await (await fetch(new URL(path, url))).text())?.[1] ?? '';
    expect([await text('/'), await text('/'), await text('/about')]).toEqual([
      'title a, load 1 for a browser',
      'title a, load 1 for a browser',
      'About, prerendered',
    ]);
    const kv = await miniflare.getKVNamespace('CACHE_KV');
    expect((await kv.list()).keys.map(({ name: key }) => key)).toEqual(['cache:titles:["a"]']);
  }, 120_000);
});
