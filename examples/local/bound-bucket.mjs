// Runs in workerd, in place of an R2 binding whose bucket has notifications: it does what the bucket does and tells of it as R2 would.
// It is loaded as text and imports nothing.

/** Wraps the bucket BUCKET: what is stored or deleted through it is told to the queue QUEUE. */
export default function boundBucket({ BUCKET, QUEUE, ACCOUNT, NAME }) {
  const tell = (action, object) =>
    QUEUE.send({ account: ACCOUNT, action, bucket: NAME, object, eventTime: new Date().toISOString() });
  const stored = async (action, object) => {
    // A condition that failed stores nothing.
    if (object !== null) await tell(action, { key: object.key, size: object.size, eTag: object.etag });
    return object;
  };
  const withComplete = (upload) => ({
    key: upload.key,
    uploadId: upload.uploadId,
    uploadPart: (...given) => upload.uploadPart(...given),
    abort: () => upload.abort(),
    complete: async (parts) => stored('CompleteMultipartUpload', await upload.complete(parts)),
  });
  const changed = {
    put: async (...given) => stored('PutObject', await BUCKET.put(...given)),
    delete: async (keys) => {
      await BUCKET.delete(keys);
      for (const key of [keys].flat()) await tell('DeleteObject', { key });
    },
    createMultipartUpload: async (...given) => withComplete(await BUCKET.createMultipartUpload(...given)),
    resumeMultipartUpload: (...given) => withComplete(BUCKET.resumeMultipartUpload(...given)),
  };
  return new Proxy(BUCKET, {
    get(bucket, name) {
      const value = changed[name] ?? bucket[name];
      return typeof value === 'function' ? value.bind(bucket) : value;
    },
  });
}
