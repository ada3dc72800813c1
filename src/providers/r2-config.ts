import { IsOptional, Matches, validateSync } from 'class-validator';
import type { ValidationError } from 'class-validator';
import type { R2ClientConfig, R2Jurisdiction } from '../clients/r2/r2-config.js';
import { CloudflareClientError } from '../errors.js';

/** Which variable of the env holds which field of the R2 config. */
export interface R2VariableNames {
  /**
   * The account id.
   * @default 'R2_ACCOUNT_ID'
   */
  readonly accountId?: string;
  /**
   * The id of the access key.
   * @default 'R2_ACCESS_KEY_ID'
   */
  readonly accessKeyId?: string;
  /**
   * The secret of the access key.
   * @default 'R2_SECRET_ACCESS_KEY'
   */
  readonly secretAccessKey?: string;
  /**
   * Another S3 endpoint, for tests; need not be set.
   * @default 'R2_ENDPOINT'
   */
  readonly endpoint?: string;
  /**
   * The jurisdiction of the buckets; need not be set.
   * @default 'R2_JURISDICTION'
   */
  readonly jurisdiction?: string;
}

const DEFAULT_NAMES = {
  accountId: 'R2_ACCOUNT_ID',
  accessKeyId: 'R2_ACCESS_KEY_ID',
  secretAccessKey: 'R2_SECRET_ACCESS_KEY',
  endpoint: 'R2_ENDPOINT',
  jurisdiction: 'R2_JURISDICTION',
} as const;

type Field = keyof typeof DEFAULT_NAMES;

class R2Variables {
  declare accountId: string;
  declare accessKeyId: string;
  declare secretAccessKey: string;
  declare endpoint?: string;
  declare jurisdiction?: R2Jurisdiction;
}

// Called and not written as `@IsString()`: so this file compiles in both decorator dialects.
rule('accountId', Matches(/^[A-Za-z0-9_-]{1,64}$/));
rule('accessKeyId', Matches(/^[!-~]+$/));
rule('secretAccessKey', Matches(/^[!-~]+$/));
// Not IsUrl, which would add a third to what class-validator weighs; R2Client parses the URL.
rule('endpoint', IsOptional(), Matches(/^https?:\/\/\S+$/));
rule('jurisdiction', IsOptional(), Matches(/^(?:default|eu|fedramp|us)$/));

function rule(field: Field, ...checks: PropertyDecorator[]): void {
  for (const check of checks) check(R2Variables.prototype, field);
}

/** Whether an env has any of the variables that credentials consist of. One alone is a mistake, which reading them reports. */
export function hasR2Variables(env: object, names: R2VariableNames): boolean {
  const variables = env as Readonly<Record<string, unknown>>;
  return (['accountId', 'accessKeyId', 'secretAccessKey'] as const).some((field) => {
    const value = variables[names[field] ?? DEFAULT_NAMES[field]];
    return value != null && value !== '';
  });
}

/**
 * Reads the R2 config from the variables of an env and validates it.
 *
 * @param env the bindings and variables of the Worker.
 * @param names the variables' names.
 * @returns the config.
 * @throws {CloudflareClientError} `MISSING_VARIABLE` and `INVALID_CONFIG`, naming the variable and never its value.
 */
export function readR2Config(env: object, names: R2VariableNames): R2ClientConfig {
  const variables = env as Readonly<Record<string, unknown>>;
  const config: Partial<Record<Field, unknown>> = {};
  for (const field of Object.keys(DEFAULT_NAMES) as Field[]) {
    const value = variables[names[field] ?? DEFAULT_NAMES[field]];
    if (value != null && value !== '') config[field] = value;
  }
  // class-validator refuses plain objects, and its messages would repeat the secret.
  const [problem] = validateSync(Object.assign(new R2Variables(), config), {
    validationError: { target: false, value: false },
  });
  if (problem !== undefined) throw describe(problem, config, names);
  return config as unknown as R2ClientConfig;
}

function describe(problem: ValidationError, config: object, names: R2VariableNames): CloudflareClientError {
  const field = problem.property as Field;
  const variable = names[field] ?? DEFAULT_NAMES[field];
  if (!(field in config)) {
    return new CloudflareClientError(
      'MISSING_VARIABLE',
      `env.${variable} is not set. Run \`wrangler secret put ${variable}\`, and for local development add it to .dev.vars.`,
    );
  }
  return new CloudflareClientError('INVALID_CONFIG', `env.${variable} is not a valid ${EXPECTED[field]}.`);
}

const EXPECTED: Readonly<Record<Field, string>> = {
  accountId: 'Cloudflare account id: up to 64 letters, digits, - and _',
  accessKeyId: 'access key id: printable ASCII without spaces',
  secretAccessKey: 'secret access key: printable ASCII without spaces',
  endpoint: 'endpoint: an http or https URL',
  jurisdiction: 'jurisdiction: default, eu, fedramp or us',
};
