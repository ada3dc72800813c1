import { resolveR2Options } from '../../../src/clients/r2/r2-config.js';
import { onAbort } from '../../../src/internal/on-abort.js';
import { R2Client } from '../../../src/clients/r2/r2-client.js';
import { BindingStore } from '../../../src/clients/r2/store/binding-store.js';
import { FakeBucket, hangs } from './binding/fake-bucket.js';
import { FaultyS3 } from './transfer/faulty-s3.js';

const CALLS = 50;
const MIB = 1024 * 1024;
const bucket = 'media';
const headers = { contentType: 'text/plain', metadata: {} };
const server = new FaultyS3();

beforeAll(() => server.start());
afterAll(() => server.stop());
beforeEach(() => server.reset());

/** A signal, and how many listeners it has. */
function watched(): { controller: AbortController; listeners: () => number; most: () => number } {
  const controller = new AbortController();
  let count = 0;
  let most = 0;
  const add = controller.signal.addEventListener.bind(controller.signal);
  const remove = controller.signal.removeEventListener.bind(controller.signal);
  jest.spyOn(controller.signal, 'addEventListener').mockImplementation((...given: Parameters<typeof add>) => {
    count += 1;
    most = Math.max(most, count);
    add(...given);
  });
  jest.spyOn(controller.signal, 'removeEventListener').mockImplementation((...given: Parameters<typeof remove>) => {
    count -= 1;
    remove(...given);
  });
  return { controller, listeners: () => count, most: () => most };
}

function client(): R2Client {
  const config = { accountId: 'acc', accessKeyId: 'AKID', secretAccessKey: 'secret', endpoint: server.endpoint };
  return new R2Client(config, { wait: () => Promise.resolve() });
}

function times<T>(work: (index: number) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  return Promise.allSettled(Array.from({ length: CALLS }, (_, index) => work(index)));
}

function codes(settled: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return settled.map((each) => (each.status === 'rejected' ? (each.reason as { code?: unknown }).code : 'fulfilled'));
}

describe('one signal for 50 calls', () => {
  // Node warns of a leak from eleven on.
  it('has one listener while they run, and none when they have succeeded', async () => {
    const { controller, listeners, most } = watched();
    const { signal } = controller;
    const r2 = client();
    const done = await times(async (index) => {
      const key = `file-${index}`;
      await r2.uploadFile({ bucket, key, body: 'content', signal });
      await r2.headFile({ bucket, key, signal });
      return (await r2.downloadFile({ bucket, key, signal }))?.text();
    });
    expect(done.every((each) => each.status === 'fulfilled' && each.value === 'content')).toBe(true);
    expect(most()).toBe(1);
    expect(listeners()).toBe(0);
  });

  it('ends them all when it fires, over S3', async () => {
    const { controller, most } = watched();
    server.fail('put', 'silence', { times: CALLS });
    const r2 = client();
    const uploads = times((index) =>
      r2.uploadFile({ bucket, key: `file-${index}`, body: 'content', signal: controller.signal }),
    );
    await new Promise<void>((resolve) => {
      server.onRequest = () => {
        if (server.seen.length >= 12) resolve();
      };
    });
    controller.abort('enough');
    expect(new Set(codes(await uploads))).toEqual(new Set(['R2_ABORTED']));
    expect(most()).toBe(1);
  });

  it('ends them all when it fires, by a binding', async () => {
    const { controller, most } = watched();
    const fake = new FakeBucket();
    fake.answer(hangs);
    const store = new BindingStore(bucket, fake, resolveR2Options({}));
    const puts = times((index) =>
      store.put({ bucket, key: `${index}`, headers, body: new Uint8Array(3), length: 3, signal: controller.signal }),
    );
    controller.abort('enough');
    expect(new Set(codes(await puts))).toEqual(new Set(['R2_ABORTED']));
    expect(most()).toBe(1);
  });

  it('ends bodies that are read, and leaves a listener for none of those that were read or cancelled', async () => {
    const { controller, listeners, most } = watched();
    const { signal } = controller;
    server.store('large', Buffer.alloc(2 * MIB));
    const r2 = client();
    await times(async (index) => {
      const read = await r2.downloadFile({ bucket, key: 'large', signal });
      await (index % 2 === 0 ? read?.arrayBuffer() : read?.body.cancel());
    });
    expect(listeners()).toBe(0);
    const bodies = await Promise.all(
      Array.from({ length: 12 }, () => r2.downloadFile({ bucket, key: 'large', signal })),
    );
    controller.abort('enough');
    const read = await Promise.allSettled(bodies.map(async (body) => body?.arrayBuffer()));
    expect(new Set(codes(read))).toEqual(new Set(['R2_ABORTED']));
    expect(most()).toBe(1);
  });
});

describe('onAbort', () => {
  it('calls each callback once, one that was registered twice also twice, and none that has left', () => {
    const { controller, listeners } = watched();
    const called: string[] = [];
    const twice = (): void => void called.push('twice');
    onAbort(controller.signal, twice);
    onAbort(controller.signal, twice);
    const leave = onAbort(controller.signal, () => called.push('left'));
    leave();
    leave();
    expect(listeners()).toBe(1);
    controller.abort();
    controller.abort();
    expect(called).toEqual(['twice', 'twice']);
  });

  it('does not call one that leaves because of another, and calls at once when the signal has fired', () => {
    const controller = new AbortController();
    const called: string[] = [];
    let leave: () => void = () => undefined;
    onAbort(controller.signal, () => {
      leave();
      onAbort(controller.signal, () => called.push('late'));
    });
    leave = onAbort(controller.signal, () => called.push('left'));
    controller.abort();
    expect(called).toEqual(['late']);
    onAbort(controller.signal, () => called.push('after'))();
    expect(called).toEqual(['late', 'after']);
  });

  it('listens again after the last one has left', () => {
    const { controller, listeners } = watched();
    onAbort(controller.signal, () => undefined)();
    expect(listeners()).toBe(0);
    let called = 0;
    onAbort(controller.signal, () => (called += 1));
    controller.abort();
    expect(called).toBe(1);
  });
});
