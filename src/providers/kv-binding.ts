import type { KVNamespaceLike } from '../clients/kv/kv-namespace.js';
import type { BindingKind } from './provider.js';

/** A Workers KV namespace. Told from an R2 bucket, which has `get` and `put` as well, by `getWithMetadata`. */
export const KV_NAMESPACE: BindingKind<KVNamespaceLike> = {
  description: 'KV namespace',
  matches: (value): value is KVNamespaceLike =>
    typeof value === 'object' && typeof (value as Partial<KVNamespaceLike>).getWithMetadata === 'function',
  declaration: (name) => `"kv_namespaces": [{ "binding": "${name}", "id": "..." }]`,
};
