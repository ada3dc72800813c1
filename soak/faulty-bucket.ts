import type { FaultState } from './faults.js';

const CUT_AFTER_BYTES = 2_000;
const CALLS = ['head', 'get', 'put', 'delete', 'list', 'createMultipartUpload'];

/** A bucket that answers some calls with an internal error, and cuts bodies that are read from it. */
export function faultyBucket(bucket: R2Bucket, faults: FaultState): R2Bucket {
  return new Proxy(bucket, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const bound = (value as (...args: unknown[]) => unknown).bind(target);
      if (!CALLS.includes(String(name))) return bound;
      return async (...args: unknown[]) => {
        if (faults.hits('r2-error'))
          throw new Error(`${String(name)}: We encountered an internal error. Please try again. (10001)`);
        const answer = await bound(...args);
        return name === 'get' ? withCut(answer as R2ObjectBody | null, faults) : answer;
      };
    },
  });
}

function withCut(object: R2ObjectBody | null, faults: FaultState): unknown {
  if (object === null || !('body' in object) || !faults.hits('r2-cut')) return object;
  let passed = 0;
  const cut = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      const rest = chunk.subarray(0, CUT_AFTER_BYTES - passed);
      passed += rest.length;
      controller.enqueue(rest);
      if (passed >= CUT_AFTER_BYTES) controller.error(new Error('Network connection lost.'));
    },
  });
  const body = object.body.pipeThrough(cut);
  return new Proxy(object, {
    get(target, name) {
      if (name === 'body') return body;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}
