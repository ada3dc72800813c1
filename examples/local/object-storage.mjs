import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { eventsOf } from './bucket-events.mjs';
import { loadS3Front } from './load-s3-front.mjs';

/** Where Miniflare serves S3. */
export const S3_PATH = '/cdn-cgi/local/r2/s3';
const WORKER_NAME = 'object-storage';
const BOUND_BUCKET = readFileSync(new URL('./bound-bucket.mjs', import.meta.url), 'utf8');

/**
 * The buckets of the platform: Miniflare's R2 behind the S3 front of the tests, which enforces CORS, lists uploads and parts, and keeps
 * lifecycle rules; see `__tests__/support/s3-front.ts`.
 *
 * @param options.upstream address of Miniflare's S3 endpoint, which need not run yet.
 * @param options.buckets names of all buckets.
 * @param options.notifications `{ bucket, queue }` each, as `wrangler r2 bucket notification create` makes them.
 * @returns `workers` (for Miniflare: what serves the buckets), `bind(options)` (a Worker's options for Miniflare, with buckets that tell of what
 * is stored through them), `attach(miniflare)`, `r2` (a config for R2Client), `clock` (`offsetMs`: how far the
 * front's clock is off, for uploads that were begun long ago), `isQuiet()` (resolves when every notification was sent), `tell(events)` (sends notifications
 * as they are given, to the first queue), `stop()`.
 */
export async function openObjectStorage({ upstream, buckets, notifications }) {
  const credentials = {
    accessKeyId: randomBytes(16).toString('hex'),
    secretAccessKey: randomBytes(32).toString('hex'),
  };
  const accountId = randomBytes(16).toString('hex');
  const clock = { offsetMs: 0 };
  const notifier = new Notifier({ accountId, buckets, notifications });
  const { openS3Front } = await loadS3Front();
  const front = await openS3Front(
    { endpoint: upstream, credentials, config: { accountId } },
    {
      buckets,
      now: () => Date.now() + clock.offsetMs,
      onPassed: (request, keys) => notifier.passed(request, keys),
    },
  );
  return {
    workers: [notifier.worker(credentials), ...notifier.boundBuckets()],
    bind: (options) => notifier.bind(options),
    attach: (miniflare) => notifier.attach(miniflare),
    r2: { accountId, ...credentials, endpoint: front.endpoint },
    clock,
    isQuiet: () => notifier.isQuiet(),
    tell: (events) => notifier.tell(events),
    async stop() {
      await front.stop();
      await notifier.isQuiet();
    },
  };
}

/** Sends R2's notifications of what passed to the queues that want them. */
class Notifier {
  #accountId;
  #buckets;
  #rules;
  #queues;
  #miniflare;
  #sending = new Set();

  constructor({ accountId, buckets, notifications }) {
    this.#accountId = accountId;
    this.#buckets = buckets;
    this.#rules = notifications;
    this.#queues = [...new Set(notifications.map(({ queue }) => queue))];
  }

  attach(miniflare) {
    this.#miniflare = miniflare;
  }

  /** A Worker that binds every bucket, with the keys of its S3 endpoint, and the queues. */
  worker(s3Credentials) {
    return {
      name: WORKER_NAME,
      modules: true,
      script: 'export default {}',
      compatibilityDate: '2026-07-30',
      r2Buckets: Object.fromEntries(this.#buckets.map((id, index) => [`BUCKET_${index}`, { id, s3Credentials }])),
      queueProducers: Object.fromEntries(this.#queues.map((queueName, index) => [`QUEUE_${index}`, { queueName }])),
    };
  }

  /** A Worker for each bucket with notifications, which wraps its binding. */
  boundBuckets() {
    return this.#rules.map(({ bucket, queue }) => ({
      name: boundName(bucket),
      modules: true,
      script: BOUND_BUCKET,
      r2Buckets: { BUCKET: bucket },
      queueProducers: { QUEUE: { queueName: queue } },
    }));
  }

  /** Binds the wrapped buckets in place of the bare ones. */
  bind({ r2Buckets, ...options }) {
    const isTold = ([, bucket]) => this.#rules.some((rule) => rule.bucket === bucket);
    const wrapped = Object.entries(r2Buckets)
      .filter(isTold)
      .map(([binding, bucket]) => [
        binding,
        { scriptName: boundName(bucket), bindings: { ACCOUNT: this.#accountId, NAME: bucket } },
      ]);
    const bare = Object.entries(r2Buckets).filter((entry) => !isTold(entry));
    return { ...options, r2Buckets: Object.fromEntries(bare), wrappedBindings: Object.fromEntries(wrapped) };
  }

  passed(request, keys) {
    if (!this.#rules.some(({ bucket }) => bucket === request.bucket)) return;
    const sending = this.#send(request, keys)
      .catch((error) => console.error(`No notification of ${request.operation}: ${error.message}`))
      .finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  async tell(events) {
    const producer = await this.#miniflare.getQueueProducer('QUEUE_0', WORKER_NAME);
    await producer.sendBatch(events.map((body) => ({ body })));
  }

  async isQuiet() {
    while (this.#sending.size > 0) await Promise.all(this.#sending);
  }

  async #send(request, keys) {
    const events = await eventsOf(request, keys, {
      account: this.#accountId,
      time: new Date(),
      head: async (key) => (await this.#bucket(request.bucket)).head(key),
    });
    for (const event of events) {
      for (const { queue } of this.#rules.filter(({ bucket }) => bucket === event.bucket)) {
        const producer = await this.#miniflare.getQueueProducer(`QUEUE_${this.#queues.indexOf(queue)}`, WORKER_NAME);
        await producer.send(event);
      }
    }
  }

  #bucket(name) {
    return this.#miniflare.getR2Bucket(`BUCKET_${this.#buckets.indexOf(name)}`, WORKER_NAME);
  }
}

function boundName(bucket) {
  return `bound-${bucket}`;
}
