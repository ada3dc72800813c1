import type { Cache } from '../../src/clients/kv/cache.js';

/** A cache that keeps values in a map and records the keys and TTLs it was asked for. It never expires anything. */
export class FakeCache implements Cache {
  readonly values = new Map<string, string>();
  readonly calls: { key: string; ttlSeconds: number }[] = [];

  async getOrSet<T>(key: string, ttlSeconds: number, loader: () => T | Promise<T>): Promise<T> {
    this.calls.push({ key, ttlSeconds });
    const text = this.values.get(key);
    if (text !== undefined) return JSON.parse(text) as T;
    const value = await loader();
    const json = JSON.stringify(value) as string | undefined;
    if (json !== undefined) this.values.set(key, json);
    return value;
  }

  get keys(): string[] {
    return this.calls.map(({ key }) => key);
  }
}
