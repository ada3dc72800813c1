const CREATIONS = new Set(['PutObject', 'CopyObject', 'CompleteMultipartUpload']);
const DELETIONS = new Set(['DeleteObject', 'DeleteObjects']);

/**
 * What R2 would tell of a request that passed: one notification for each object that was stored or deleted, as
 * https://developers.cloudflare.com/r2/buckets/event-notifications/ has them.
 *
 * @param request what passed: `operation` and `bucket`.
 * @param keys of the objects that it named.
 * @param about `account`, `time` (a Date), and `head(key)`, which resolves to the stored object or `null`.
 * @returns the notifications; empty for requests that change no object.
 */
export async function eventsOf({ operation, bucket }, keys, { account, time, head }) {
  const event = (action, object) => ({ account, action, bucket, object, eventTime: time.toISOString() });
  if (DELETIONS.has(operation)) return keys.map((key) => event('DeleteObject', { key }));
  if (!CREATIONS.has(operation)) return [];
  const [key] = keys;
  const stored = await head(key);
  // Deleted again meanwhile: its own notification tells.
  return stored === null ? [] : [event(operation, { key, size: stored.size, eTag: stored.etag })];
}
