import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../../src/cli/exit-code.js';
import { FINDING_CODES } from '../../src/cli/hls/finding.js';
import { run } from './cli-harness.js';

const root = join(__dirname, '../..');
const guide = readFileSync(join(root, 'docs/codex-r2.md'), 'utf8');

/** Names of the commands that a help lists. */
function commandsOf(help: string): string[] {
  const [, list = ''] = help.split('Commands:\n');
  return [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name]) => name!).filter((name) => name !== 'help');
}

async function everyCommand(path: string[] = []): Promise<{ name: string; help: string }[]> {
  const { stdout: help } = await run([...path, '--help']);
  const commands = commandsOf(help);
  if (commands.length === 0) return [{ name: path.join(' '), help }];
  return (await Promise.all(commands.map((command) => everyCommand([...path, command])))).flat();
}

describe('docs/codex-r2.md', () => {
  it('names every command and each of its options', async () => {
    const commands = await everyCommand();
    expect(commands.length).toBeGreaterThan(14);
    for (const { name, help } of commands) {
      expect(guide).toContain(name);
      for (const [option] of help.matchAll(/--[a-z][a-z-]+/g)) if (option !== '--help') expect(guide).toContain(option);
    }
  });

  it('names every finding and every exit code', () => {
    for (const code of FINDING_CODES) expect(guide).toContain(`\`${code}\``);
    for (const code of Object.values(EXIT)) expect(guide).toMatch(new RegExp(`^\\| ${code} `, 'm'));
  });

  it('links to files that exist', () => {
    const links = [...guide.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link]) => link!);
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) expect(existsSync(join(root, 'docs', link))).toBe(true);
  });
});
