import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runModule } from './support/run-module.js';

function split(script: string): Promise<string[]> {
  return runModule(`
    import { splitStatements } from './examples/local/sql-statements.mjs';
    console.log(JSON.stringify(splitStatements(${JSON.stringify(script)})));
  `);
}

test('a semicolon in a text, a name, a comment or a trigger ends no statement', async () => {
  const trigger =
    'CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = CASE WHEN x > 1 THEN 1 ELSE 2 END; DELETE FROM b; END';
  const script = `-- one; comment\nINSERT INTO a VALUES ('it''s; one'); /* two; */ CREATE TABLE "odd;name" (x);\n${trigger};\nSELECT 1`;
  expect(await split(script)).toEqual([
    `INSERT INTO a VALUES ('it''s; one')`,
    'CREATE TABLE "odd;name" (x)',
    trigger,
    'SELECT 1',
  ]);
  expect(await split('-- nothing;\n')).toEqual([]);
});

test('applies each migration once, in order, and of one that fails nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'codex-migrations-'));
  try {
    await writeFile(join(folder, '0002_b.sql'), 'INSERT INTO a VALUES (2);');
    await writeFile(join(folder, '0001_a.sql'), 'CREATE TABLE a (x); INSERT INTO a VALUES (1);');
    const seen = await runModule(`
      import { writeFileSync } from 'node:fs';
      import { Miniflare } from 'miniflare';
      import { applyMigrations } from './examples/local/migrations.mjs';
      const folder = ${JSON.stringify(folder)};
      const miniflare = new Miniflare({ modules: true, script: 'export default {}', d1Databases: { DB: 'db' } });
      const database = await miniflare.getD1Database('DB');
      const first = await applyMigrations(database, folder);
      const second = await applyMigrations(database, folder);
      writeFileSync(folder + '/0003_c.sql', 'INSERT INTO a VALUES (3); INSERT INTO missing VALUES (1);');
      const failure = await applyMigrations(database, folder).catch(({ message }) => message.slice(0, 24));
      const { results } = await database.prepare('SELECT x FROM a ORDER BY x').all();
      await miniflare.dispose();
      console.log(JSON.stringify({ first, second, failure, rows: results.map(({ x }) => x) }));
    `);
    expect(seen).toEqual({
      first: ['0001_a.sql', '0002_b.sql'],
      second: [],
      failure: 'Migration 0003_c.sql: D1',
      rows: [1, 2],
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);
