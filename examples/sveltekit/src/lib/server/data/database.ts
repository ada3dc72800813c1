import { provideBinding, token } from '@codex/cloudflare-clients';

/** The app's database, with the schema of `examples/worker/migrations`. */
export const DATABASE = token<D1Database>('CODEX_DATABASE');

/** It is the binding `DB`, read when it is first used. */
export const DATABASE_PROVIDER = provideBinding(DATABASE, 'DB', {
  description: 'D1 database',
  matches: (value): value is D1Database => typeof (value as { prepare?: unknown }).prepare === 'function',
  declaration: (name) => `"d1_databases": [{ "binding": "${name}", "database_name": "codex", "database_id": "..." }]`,
});
