import { R2Client } from '../clients/r2/r2-client.js';
import type { R2ClientConfig, R2Jurisdiction } from '../clients/r2/r2-config.js';
import { CloudflareClientError } from '../errors.js';
import { UsageError } from './exit-code.js';

/** Names after the prefix, which is `R2_` unless another account is meant. */
const REQUIRED = ['ACCOUNT_ID', 'ACCESS_KEY_ID', 'SECRET_ACCESS_KEY'] as const;
const SECRETS = ['SECRET_ACCESS_KEY', 'SESSION_TOKEN'] as const;
const PREFIX = /^[A-Z][A-Z0-9_]*$/;
const CREDENTIAL_FLAG =
  /^--?(?:r2-)?(?:account(?:-id)?|access-key(?:-id)?|secret(?:-access)?(?:-key)?|session-token|api-token|token|password|credentials?)(?:=|$)/i;

/** Variables that the tool reads, for its help. */
export const ENVIRONMENT_HELP = `Environment:
  R2_ACCOUNT_ID, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY   an R2 API token (required)
  R2_SESSION_TOKEN    session token of temporary credentials
  R2_JURISDICTION     default, eu, fedramp or us
  R2_ENDPOINT         another S3 endpoint, such as a local one
Credentials are read from the environment alone; as flags they are refused.

Exit codes:
  0 done   1 findings, or not all done   2 usage   3 credentials or access   4 not found   130 interrupted`;

/**
 * Refuses credentials on the command line, where every process list and shell history shows them.
 *
 * @throws {UsageError} naming the flag, never its value.
 */
export function refuseCredentialFlags(args: readonly string[]): void {
  const end = args.indexOf('--');
  const flag = args.slice(0, end === -1 ? undefined : end).find((arg) => CREDENTIAL_FLAG.test(arg));
  if (flag === undefined) return;
  const name = flag.replace(/=.*$/s, '');
  throw new UsageError(
    `${name} is not taken: credentials come from the environment (R2_ACCOUNT_ID, R2_ACCESS_KEY_ID, ...).`,
  );
}

/**
 * A client of the account that the environment names.
 *
 * @param env the environment.
 * @param prefix what its variables begin with.
 * @throws {CloudflareClientError} `MISSING_CREDENTIALS` naming what is not set, `INVALID_CONFIG`; never with a value.
 */
export function clientFromEnv(env: Readonly<Record<string, string | undefined>>, prefix = 'R2_'): R2Client {
  if (!PREFIX.test(prefix))
    throw new UsageError('The prefix of the variables must be like `TARGET_`: capitals, digits, _.');
  const read = (name: string): string | undefined => {
    const value = env[prefix + name]?.trim();
    return value === '' ? undefined : value;
  };
  const missing = REQUIRED.filter((name) => read(name) === undefined).map((name) => prefix + name);
  if (missing.length > 0) {
    throw new CloudflareClientError('MISSING_CREDENTIALS', `Set ${missing.join(', ')} in the environment.`);
  }
  const config: R2ClientConfig = {
    accountId: read('ACCOUNT_ID') ?? '',
    accessKeyId: read('ACCESS_KEY_ID') ?? '',
    secretAccessKey: read('SECRET_ACCESS_KEY') ?? '',
    sessionToken: read('SESSION_TOKEN'),
    endpoint: read('ENDPOINT'),
    // Checked by the client, which knows the names.
    jurisdiction: read('JURISDICTION') as R2Jurisdiction | undefined,
  };
  return new R2Client(config);
}

/** `text` without any secret of the environment. What is written here has none in it; this is the second lock. */
export function withoutSecrets(text: string, env: Readonly<Record<string, string | undefined>>): string {
  let clean = text;
  for (const [name, value] of Object.entries(env)) {
    const isSecret = SECRETS.some((ending) => name.endsWith(ending));
    if (isSecret && value !== undefined && value.length >= 8) clean = clean.replaceAll(value, '***');
  }
  return clean;
}
