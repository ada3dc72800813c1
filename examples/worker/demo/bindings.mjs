import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import typescript from 'typescript';

const CONFIG_PATH = fileURLToPath(new URL('../wrangler.jsonc', import.meta.url));

/** wrangler.jsonc, without its comments. */
export function readWranglerConfig(path = CONFIG_PATH) {
  const { config, error } = typescript.parseConfigFileTextToJson(path, readFileSync(path, 'utf8'));
  if (error !== undefined)
    throw new Error(`${path}: ${typescript.flattenDiagnosticMessageText(error.messageText, ' ')}`);
  return config;
}

/** The options of Miniflare that give a Worker what its wrangler.jsonc declares. */
export function toMiniflareBindings(config) {
  const sqliteClasses = config.migrations.flatMap((migration) => migration.new_sqlite_classes ?? []);
  return {
    compatibilityDate: config.compatibility_date,
    compatibilityFlags: config.compatibility_flags ?? [],
    bindings: { ...config.vars },
    kvNamespaces: Object.fromEntries(config.kv_namespaces.map(({ binding, id }) => [binding, id])),
    r2Buckets: Object.fromEntries(
      config.r2_buckets.map(({ binding, bucket_name: bucketName }) => [binding, bucketName]),
    ),
    durableObjects: Object.fromEntries(
      config.durable_objects.bindings.map(({ name, class_name: className }) => [
        name,
        { className, useSQLite: sqliteClasses.includes(className) },
      ]),
    ),
    queueProducers: Object.fromEntries(
      config.queues.producers.map(({ binding, queue }) => [binding, { queueName: queue }]),
    ),
    queueConsumers: Object.fromEntries(
      config.queues.consumers.map((consumer) => [
        consumer.queue,
        {
          maxBatchSize: consumer.max_batch_size,
          maxBatchTimeout: consumer.max_batch_timeout,
          maxRetries: consumer.max_retries,
        },
      ]),
    ),
  };
}
