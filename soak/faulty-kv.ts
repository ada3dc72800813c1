import { type FaultState, STALENESS_MS } from './faults.js';

interface Version {
  readonly at: number;
  readonly entry: { readonly value: string | null; readonly metadata: unknown };
}

const ABSENT = { value: null, metadata: null };
const MOST_VERSIONS = 8;

/** What was written to a namespace lately, for reads that are behind. Of one isolate, as all traffic is. */
export class KVHistory {
  readonly #versions = new Map<string, Version[]>();

  wrote(key: string, entry: Version['entry'], now: number): void {
    const known = this.#versions.get(key) ?? [];
    this.#versions.set(key, [...known.slice(1 - MOST_VERSIONS), { at: now, entry }]);
  }

  /** The oldest version that was still the newest at some time within the staleness; `undefined` where the present one is. */
  behind(key: string, now: number): Version['entry'] | undefined {
    const known = this.#versions.get(key) ?? [];
    const firstRecent = known.findIndex(({ at }) => at > now - STALENESS_MS);
    if (firstRecent === -1) return undefined;
    if (firstRecent > 0) return known[firstRecent - 1]?.entry;
    // Nothing is known of what was there before the oldest version, unless that is the first of all.
    return known.length < MOST_VERSIONS ? ABSENT : undefined;
  }
}

/** A namespace in front of a bound one, which fails, hangs or is behind as its request's fault says. */
export function faultyKV(kv: KVNamespace, history: KVHistory, faults: FaultState): KVNamespace {
  const pass = async <T>(act: () => Promise<T>): Promise<T> => {
    if (faults.hits('kv-error')) throw new Error('KV GET failed: 500 Internal Server Error');
    if (faults.hits('kv-hang')) return new Promise<T>(() => undefined);
    return act();
  };
  const read = async (key: string): Promise<Version['entry']> => {
    const old = history.behind(key, Date.now());
    if (old !== undefined && faults.hits('kv-stale')) return old;
    return kv.getWithMetadata(key, 'text');
  };
  const readAll = async (keys: string | string[]): Promise<unknown> =>
    Array.isArray(keys)
      ? new Map(await Promise.all(keys.map(async (key) => [key, await read(key)] as const)))
      : read(keys);
  const faulty = {
    get: (keys: string | string[], type: unknown) =>
      pass(async () => {
        if (type !== 'text') throw new Error('The soak knows reads of text alone.');
        const found = await readAll(keys);
        if (!(found instanceof Map)) return (found as Version['entry']).value;
        return new Map([...(found as Map<string, Version['entry']>)].map(([key, { value }]) => [key, value]));
      }),
    getWithMetadata: (keys: string | string[]) => pass(() => readAll(keys)),
    put: (key: string, value: string, options: KVNamespacePutOptions) =>
      pass(async () => {
        await kv.put(key, value, options);
        history.wrote(
          key,
          { value, metadata: (options as KVNamespacePutOptions | undefined)?.metadata ?? null },
          Date.now(),
        );
      }),
    delete: (key: string) =>
      pass(async () => {
        await kv.delete(key);
        history.wrote(key, ABSENT, Date.now());
      }),
    list: (options: KVNamespaceListOptions) => pass(() => kv.list(options)),
  };
  return faulty as unknown as KVNamespace;
}
