import type { KVNamespace as KVNamespaceV4 } from '@cloudflare/workers-types';
import type { KVNamespace as KVNamespaceV5 } from 'workers-types-v5';
import type { KVNamespaceLike } from '../../src/clients/kv/kv-namespace.js';

declare const v4: KVNamespaceV4;
declare const v5: KVNamespaceV5;
export const fromV4: KVNamespaceLike = v4;
export const fromV5: KVNamespaceLike = v5;
