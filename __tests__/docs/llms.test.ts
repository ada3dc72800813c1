import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../..');
const text = readFileSync(join(root, 'llms.txt'), 'utf8');

describe('llms.txt', () => {
  it('is what scripts/docs/llms.mjs writes: run it after a change of the guides', () => {
    const code = "import { llmsText } from './scripts/docs/llms.mjs'; process.stdout.write(llmsText('.'));";
    const made = execFileSync(process.execPath, ['--input-type=module', '--eval', code], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(text).toBe(made);
  });

  it('begins with a title and a summary, and has sections of links with a description, as llmstxt.org asks', () => {
    expect(text).toMatch(/^# @codex\/cloudflare-clients\n\n> .+\n/);
    expect(text).toMatch(/\n## Start\n\n- \[/);
    const items = text.split('\n').filter((line) => line.startsWith('- '));
    for (const item of items) expect(item).toMatch(/^- \[[^\]]+\]\([^)]+\.md\)(?:: .+\.)?$/);
  });

  it('links to every guide', () => {
    const guides = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
    expect(guides.length).toBeGreaterThan(12);
    for (const name of guides) expect(text).toContain(`](docs/${name}): `);
  });
});
