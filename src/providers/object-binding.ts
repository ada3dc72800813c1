import { isObjectNamespace } from '../clients/durable/object-namespace.js';
import type { ObjectNamespaceLike } from '../clients/durable/object-namespace.js';
import type { BindingKind } from './provider.js';

/** The namespace of a Durable Object class of `./durable-objects`. */
export function objectNamespace(className: string): BindingKind<ObjectNamespaceLike> {
  return {
    description: 'Durable Object namespace',
    matches: isObjectNamespace,
    declaration: (name) =>
      `"durable_objects": { "bindings": [{ "name": "${name}", "class_name": "${className}" }] } ` +
      `and "migrations": [{ "tag": "v1", "new_sqlite_classes": ["${className}"] }]`,
  };
}
