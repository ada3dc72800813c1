// What the benchmarks of the cache have in common: keys, values, and a KV namespace without a network.
export const KEYS = 1_000;
export const TTL_SECONDS = 3_600;
export const key = (index) => `cache:content:item-${index % KEYS}`;
export const value = (index) => ({
  id: `item-${index}`,
  title: 'An introduction to the violin',
  creatorId: 'creator-0001',
  tags: ['music', 'violin', 'beginner'],
  durationSeconds: 754,
  price: { amount: 1900, currency: 'EUR' },
  published: true,
  description: 'Twelve lessons that begin with how to hold the bow and end with a first piece.',
});

/** A KV namespace without a network: an answer is a settled promise, as fast as one can be. */
export class InstantKV {
  entries = new Map();
  operations = 0;

  async getWithMetadata(name) {
    this.operations += 1;
    if (!Array.isArray(name)) return this.entries.get(name) ?? { value: null, metadata: null };
    return new Map(name.map((each) => [each, this.entries.get(each) ?? null]));
  }
  async get(name) {
    this.operations += 1;
    return this.entries.get(name)?.value ?? null;
  }
  async put(name, text, options) {
    this.operations += 1;
    this.entries.set(name, { value: text, metadata: options?.metadata ?? null });
  }
  async delete(name) {
    this.operations += 1;
    this.entries.delete(name);
  }
  async list() {
    this.operations += 1;
    return { keys: [], list_complete: true };
  }
}

export async function repeat(iterations, read) {
  for (let index = 0; index < iterations; index += 1) await read(index);
}

export const never = () => {
  throw new Error('a hit was expected');
};
