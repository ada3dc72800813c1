import { join } from 'node:path';

/**
 * The options of Miniflare that give a Worker what its wrangler.jsonc declares: variables, KV, R2, D1, objects, queues and services.
 * What is bound by `script_name`, or as a service, is another Worker of the platform.
 */
export function toWorkerOptions(config) {
  const { queues = {}, vars = {} } = config;
  return {
    name: config.name,
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags ?? [],
    bindings: { ...vars },
    kvNamespaces: byBinding(config.kv_namespaces, ({ id }) => id),
    r2Buckets: byBinding(config.r2_buckets, ({ bucket_name: bucket }) => bucket),
    d1Databases: byBinding(config.d1_databases, ({ database_id: id }) => id),
    durableObjects: objectsOf(config),
    queueProducers: byBinding(queues.producers, ({ queue }) => ({ queueName: queue })),
    queueConsumers: Object.fromEntries(
      (queues.consumers ?? []).map((consumer) => [consumer.queue, toConsumer(consumer)]),
    ),
    serviceBindings: byBinding(config.services, ({ service, entrypoint }) => ({
      name: service,
      ...(entrypoint !== undefined && { entrypoint }),
    })),
  };
}

/** The names of all buckets that Workers bind. */
export function bucketsOf(configs) {
  return [...new Set(configs.flatMap(({ r2_buckets: buckets = [] }) => buckets.map((each) => each.bucket_name)))];
}

/** The databases that Workers bind, once each, with the first folder of migrations that a configuration names. */
export function databasesOf(workers) {
  const found = new Map();
  for (const { config, root } of workers) {
    for (const { binding, database_id: id, migrations_dir: folder } of config.d1_databases ?? []) {
      const known = found.get(id) ?? { id, binding, workerName: config.name };
      const migrations = known.migrations ?? (folder === undefined ? undefined : join(root, folder));
      found.set(id, { ...known, migrations });
    }
  }
  return [...found.values()];
}

function objectsOf(config) {
  const own = (config.migrations ?? []).flatMap((migration) => migration.new_sqlite_classes ?? []);
  return Object.fromEntries(
    (config.durable_objects?.bindings ?? []).map(({ name, class_name: className, script_name: scriptName }) => [
      name,
      // The classes of the coordination Worker are all of SQLite.
      { className, useSQLite: scriptName !== undefined || own.includes(className), ...(scriptName && { scriptName }) },
    ]),
  );
}

function toConsumer(consumer) {
  return {
    maxBatchSize: consumer.max_batch_size,
    maxBatchTimeout: consumer.max_batch_timeout,
    maxRetries: consumer.max_retries,
    retryDelay: consumer.retry_delay,
    deadLetterQueue: consumer.dead_letter_queue,
  };
}

function byBinding(list = [], toOption) {
  return Object.fromEntries(list.map((each) => [each.binding, toOption(each)]));
}
