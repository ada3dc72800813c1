import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { splitStatements } from './sql-statements.mjs';

// The table of `wrangler d1 migrations apply`.
const TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`;

/**
 * Applies the migrations of a folder that a D1 database has not had, in the order of their names. Each is one transaction with the note
 * that it was applied, so one that fails leaves nothing behind, and those before it stay.
 *
 * @returns the names of the files that were applied now.
 * @throws {Error} naming the file that failed.
 */
export async function applyMigrations(database, folder) {
  await database.prepare(TABLE).run();
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all();
  const applied = new Set(results.map(({ name }) => name));
  const files = readdirSync(folder).filter((name) => name.endsWith('.sql') && !applied.has(name));
  files.sort();
  for (const name of files) {
    const statements = splitStatements(readFileSync(join(folder, name), 'utf8'));
    const note = database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name);
    try {
      await database.batch([...statements.map((statement) => database.prepare(statement)), note]);
    } catch (error) {
      throw new Error(`Migration ${name}: ${error.message}`, { cause: error });
    }
  }
  return files;
}
