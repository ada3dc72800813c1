import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../..');
const START_TIMEOUT_MS = 90_000;

/** Where the built app is. */
export const APP = join(ROOT, 'examples/sveltekit');

/** A person of the demo data. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly password: string;
  readonly role: string;
}

/** A media item of the demo data. */
export interface Item {
  readonly id: string;
  readonly creatorId: string;
  readonly title: string;
  readonly status: string;
  readonly isPublished: boolean;
}

/** The built app in workerd, and a way behind its back. */
export interface AppServer {
  readonly url: string;
  readonly people: readonly [owner: Person, ada: Person, bruno: Person];
  readonly items: readonly Item[];
  /** The S3 endpoint of the bucket. */
  readonly endpoint: string;
  sql(statement: string, ...values: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Deletes the keys of a namespace under a prefix, and says which they were. */
  drop(binding: string, prefix?: string): Promise<string[]>;
  keys(binding: string, prefix?: string): Promise<string[]>;
  objects(prefix: string): Promise<string[]>;
  /** Asks over HTTPS, at `https://codex.example`. */
  https(
    path: string,
    init: { method?: string; headers: Record<string, string>; body?: string },
  ): Promise<{ readonly status: number; readonly cookies: readonly string[] }>;
  stop(): Promise<void>;
}

/** `describe` where the app is built; elsewhere it is skipped with a word, and fails in CI. */
export const describeApp: (name: string, suite: () => void) => void = existsSync(
  join(APP, '.svelte-kit/cloudflare/_worker.js'),
)
  ? describe
  : (name, suite) => {
      if (process.env['CI'] === undefined) {
        describe.skip(`${name} (not built: npm run test:app builds it)`, suite);
        return;
      }
      test(name, () => {
        throw new Error('examples/sveltekit is not built: npm run test:app builds it.');
      });
    };

/** Starts the app in a process of its own; it ends with this one. */
export async function startAppServer(): Promise<AppServer> {
  const child = fork(join(__dirname, 'serve-app.mjs'), {
    cwd: ROOT,
    env: { ...process.env, AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
  });
  const waiting = new Map<number, (message: Answer) => void>();
  const ready = new Promise<Pick<AppServer, 'url' | 'people' | 'items' | 'endpoint'>>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The app did not start in time.')), START_TIMEOUT_MS);
    child.once('exit', (code) => reject(new Error(`The app ended with status ${code}.`)));
    child.on('message', (message: Answer) => {
      if (message.ready !== undefined) {
        clearTimeout(timer);
        resolve(message.ready);
      } else if (message.id !== undefined) waiting.get(message.id)?.(message);
    });
  });
  let lastId = 0;
  const ask = <T>(command: string, options: object): Promise<T> =>
    new Promise((resolve, reject) => {
      const id = ++lastId;
      waiting.set(id, ({ value, error }) => {
        waiting.delete(id);
        if (error === undefined) resolve(value as T);
        else reject(new Error(error));
      });
      child.send({ id, command, ...options });
    });
  return {
    ...(await ready),
    sql: (statement, ...values) => ask('sql', { statement, values }),
    drop: (binding, prefix = '') => ask('drop', { binding, prefix }),
    keys: (binding, prefix = '') => ask('keys', { binding, prefix }),
    objects: (prefix) => ask('objects', { prefix }),
    https: (path, init) => ask('https', { path, init }),
    stop: () =>
      new Promise((resolve) => {
        child.removeAllListeners('exit');
        child.once('exit', () => resolve());
        child.disconnect();
      }),
  };
}

interface Answer {
  readonly id?: number;
  readonly value?: unknown;
  readonly error?: string;
  readonly ready?: Pick<AppServer, 'url' | 'people' | 'items' | 'endpoint'>;
}
