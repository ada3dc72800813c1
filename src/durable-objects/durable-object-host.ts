import type { ObjectHost } from './object-host.js';

/** What a host needs of `ctx.storage`. */
export interface DurableStorageLike {
  readonly kv: ObjectHost['storage'];
  readonly sql: { exec(query: string): unknown };
  setAlarm(at: number): Promise<void>;
  deleteAlarm(): Promise<void>;
  deleteAll(): Promise<void>;
}

/**
 * The host of a real Durable Object.
 *
 * @param storage its `ctx.storage`.
 * @param className for the message.
 * @throws {Error} when the class is not SQLite-backed: it has no synchronous storage, and that cannot be changed after it was deployed.
 */
export function hostOf(storage: DurableStorageLike, className: string): ObjectHost {
  try {
    storage.sql.exec('SELECT 1');
  } catch (cause) {
    const remedy = `declare ${className} under "new_sqlite_classes", not "new_classes", in the migrations of wrangler.jsonc`;
    throw new Error(`${className} needs SQLite-backed storage: ${remedy}.`, { cause });
  }
  return {
    storage: storage.kv,
    now: Date.now,
    // Not awaited: a reply leaves the object when what it wrote is stored, and a failure resets the object.
    setAlarm: (at) => void storage.setAlarm(at),
    clear: () => {
      // Before compatibility date 2026-02-24 deleteAll leaves the alarm.
      void storage.deleteAlarm();
      void storage.deleteAll();
    },
    setTimer: (fire, ms) => {
      const timer = setTimeout(fire, ms);
      return () => clearTimeout(timer);
    },
  };
}
