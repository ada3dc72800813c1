import type {
  R2BucketLike,
  R2GetOptionsLike,
  R2ObjectLike,
  R2PutOptionsLike,
} from '../../../../src/clients/r2/store/r2-bucket.js';

export type FakeAnswer = (...args: unknown[]) => unknown;

/** A binding that answers as the test says, one answer a call; the last one stays. */
export class FakeBucket implements R2BucketLike {
  readonly calls: [method: string, ...args: unknown[]][] = [];
  #answers: FakeAnswer[] = [];

  answer(...answers: FakeAnswer[]): this {
    this.#answers = answers;
    this.calls.length = 0;
    return this;
  }

  head(key: string): Promise<R2ObjectLike | null> {
    return this.#call('head', key);
  }

  get(key: string, options?: R2GetOptionsLike): Promise<R2ObjectLike | null> {
    return this.#call('get', key, options);
  }

  put(key: string, value: unknown, options?: R2PutOptionsLike): Promise<R2ObjectLike | null> {
    return this.#call('put', key, value, options);
  }

  delete(keys: string | string[]): Promise<void> {
    return this.#call('delete', keys);
  }

  list(options?: object): ReturnType<R2BucketLike['list']> {
    return this.#call('list', options);
  }

  createMultipartUpload(key: string, options?: object): ReturnType<R2BucketLike['createMultipartUpload']> {
    return this.#call('createMultipartUpload', key, options);
  }

  resumeMultipartUpload(key: string, uploadId: string): ReturnType<R2BucketLike['resumeMultipartUpload']> {
    return {
      uploadId,
      uploadPart: (partNumber, value) => this.#call('uploadPart', key, partNumber, value),
      abort: () => this.#call('abort', key),
      complete: (parts) => this.#call('complete', key, parts),
    };
  }

  async #call<T>(method: string, ...args: unknown[]): Promise<T> {
    this.calls.push([method, ...args]);
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    return (await answer?.(...args)) as T;
  }
}

/** Fails as a binding does. */
export function fails(number: number, text = 'Something.'): FakeAnswer {
  return () => Promise.reject(new Error(`get: ${text} (${number})`));
}

export const hangs: FakeAnswer = () => new Promise(() => undefined);

/** What a binding tells of an object. */
export function fakeObject(more: Record<string, unknown> = {}): R2ObjectLike {
  return { key: 'k', size: 3, etag: 'e'.repeat(32), uploaded: new Date(1_000_000), ...more };
}
