import { CloudflareClientError } from '../errors.js';
import type { ClientEvent, EventSink } from '../events.js';

const MAX_CAUSES = 4;
const NOT_JSON = '[not JSON]';
const FAILED_OUTCOMES: readonly string[] = ['error', 'timeout'];
// The rest is stale in place of a load that failed or is slow.
const WANTED_STALE: readonly string[] = ['revalidate', 'lookup'];
const LEVELS = ['info', 'warn', 'error'] as const;

/** Of events whose fields make no difference. */
const FIXED_LEVELS: { readonly [Type in ClientEvent['type']]?: ConsoleLevel } = {
  'cache.error': 'error',
  'client.error': 'error',
  'lock.lost': 'error',
  'cache.skip': 'warn',
  'kv.large-value': 'warn',
  'kv.budget': 'warn',
  'rate-limit.denied': 'warn',
};

/** How much an event matters to somebody who reads logs. */
export type ConsoleLevel = (typeof LEVELS)[number];

/** Options of `ConsoleSink`. */
export interface ConsoleSinkOptions {
  /**
   * Takes each line; `console.warn` or a logger of your own.
   *
   * @default console.log
   */
  readonly write?: (line: string) => void;
  /**
   * The least level that is written. `error`: failures, also of loaders, and locks that were lost while they were held. `warn`: those, and what was
   * refused, waited for in vain, let through undecided, not stored, served stale in place of a failed load, large or out of budget. `info`: everything.
   *
   * @default 'info'
   */
  readonly minimumLevel?: ConsoleLevel;
  /**
   * The types of events that are written; an event has to pass this and `minimumLevel`.
   *
   * @default all types
   */
  readonly types?: readonly ClientEvent['type'][];
  /**
   * Fields on every line, such as a request id. A field of the event wins over one of the same name.
   *
   * @default {}
   */
  readonly fields?: Readonly<Record<string, unknown>>;
  /**
   * Whether errors are written with their stacks and causes. What is deep inside an error can name a key.
   *
   * @default false
   */
  readonly stacks?: boolean;
}

/**
 * Writes each event as one line of JSON, which Workers Logs indexes by field. An error is written as its code and message.
 * What JSON cannot hold does not make it throw: a bigint becomes text, and a field with a cycle becomes `[not JSON]`.
 *
 * Workers Logs keeps 256 KB of lines per invocation and counts each one: use `minimumLevel: 'warn'` where there are many hits.
 *
 * @example
 * ```ts
 * const sink = new ConsoleSink({ minimumLevel: 'warn', fields: { requestId: crypto.randomUUID() } });
 * const logged = new CacheClient(env.CACHE_KV, { events: sink });
 * ```
 */
export class ConsoleSink implements EventSink {
  readonly #write: (line: string) => void;
  readonly #minimum: number;
  readonly #types: ReadonlySet<string> | undefined;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #stacks: boolean;

  /**
   * Makes a sink.
   *
   * @param options where lines go, which, and what is on each.
   * @throws {CloudflareClientError} `INVALID_OPTION` for a level that there is not.
   */
  constructor(options: ConsoleSinkOptions = {}) {
    const { write = writeToConsole, minimumLevel = 'info', types, fields = {}, stacks = false } = options;
    checkLevel(minimumLevel);
    this.#write = write;
    this.#minimum = LEVELS.indexOf(minimumLevel);
    this.#types = types === undefined ? undefined : new Set(types);
    this.#fields = { ...fields };
    this.#stacks = stacks;
  }

  /** Writes `event` where its type and its level are asked for. */
  emit(event: ClientEvent): void {
    const level = levelOf(event);
    if (LEVELS.indexOf(level) < this.#minimum || this.#types?.has(event.type) === false) return;
    const entry: Record<string, unknown> = { ...this.#fields, level, ...event };
    if ('error' in event) entry['error'] = describe(event.error, this.#stacks ? MAX_CAUSES : 0);
    this.#write(toLine(entry));
  }
}

function checkLevel(level: ConsoleLevel): void {
  if (LEVELS.includes(level)) return;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `Option minimumLevel ${level} is refused: give one of ${LEVELS.join(', ')}.`,
  );
}

// Looked up at each call: tools that collect logs replace it.
function writeToConsole(line: string): void {
  // eslint-disable-next-line no-console -- Workers Logs reads the console.
  console.log(line);
}

function levelOf(event: ClientEvent): ConsoleLevel {
  switch (event.type) {
    case 'cache.load':
    case 'cache.refresh':
      return FAILED_OUTCOMES.includes(event.outcome) ? 'error' : 'info';
    case 'cache.stale':
      return WANTED_STALE.includes(event.reason) ? 'info' : 'warn';
    case 'rate-limit.allowed':
      return event.reason === 'store-error' ? 'warn' : 'info';
    case 'lock.refused':
      // That it is held is an answer, that the caller left is its own doing.
      return event.reason === 'timeout' ? 'warn' : 'info';
    default:
      return FIXED_LEVELS[event.type] ?? 'info';
  }
}

/** An error in plain fields, with its stack and as many causes as `causes` allows; without either for 0. */
function describe(error: unknown, causes: number): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: typeof error === 'string' ? error : `thrown: ${typeof error}` };
  const { code, message, stack, cause } = error as Error & { readonly code?: unknown };
  const shown = { ...(typeof code === 'string' && { code }), message };
  if (causes === 0) return shown;
  return { ...shown, stack, ...(cause !== undefined && { cause: describe(cause, causes - 1) }) };
}

function toLine(entry: Readonly<Record<string, unknown>>): string {
  try {
    return JSON.stringify(entry, withBigintAsText);
  } catch {
    const fields = Object.entries(entry).map(([name, value]) => [name, isJson(value) ? value : NOT_JSON]);
    return JSON.stringify(Object.fromEntries(fields), withBigintAsText);
  }
}

function isJson(value: unknown): boolean {
  try {
    JSON.stringify(value, withBigintAsText);
    return true;
  } catch {
    return false;
  }
}

function withBigintAsText(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
