import { limitRefusal } from '../../src/entries/limit-refusal.js';
import { currentScope, runInScope } from '../../src/ambient.js';
import { CloudflareClientError } from '../../src/errors.js';
import { ENV } from '../../src/tokens/index.js';
import { handleContainer } from '../../src/sveltekit.js';
import type { ContainerLocals, RequestEventLike } from '../../src/sveltekit.js';
import { BINDING, RESOURCE, setupApp, setupContext } from './support.js';

const request = new Request('http://app/');
type Event = RequestEventLike & { readonly locals: ContainerLocals };
const eventOf = (parts: Omit<Partial<Event>, 'locals'> = {}): Event => ({
  locals: {} as ContainerLocals,
  request,
  ...parts,
});

/** `platform.env` of adapter-cloudflare while it prerenders: every read throws. */
const prerenderingEnv = new Proxy(
  {},
  {
    get: (_target, name) => {
      throw new Error(`Cannot access platform.env.${String(name)} in a prerenderable route`);
    },
  },
);

function codedError(work: () => unknown): CloudflareClientError {
  try {
    work();
  } catch (error) {
    if (error instanceof CloudflareClientError) return error;
  }
  throw new Error('no coded error was thrown');
}

describe('handleContainer', () => {
  it('opens the container when it is first looked at, once for the request', async () => {
    const { app } = setupApp();
    const open = jest.spyOn(app, 'scope');
    const event = eventOf({ platform: { env: { THING: {} } } });
    await handleContainer(app)({ event, resolve: () => new Response() });
    expect(open).not.toHaveBeenCalled();
    expect(event.locals.container).toBe(event.locals.container);
    expect(event.locals.container.resolve(BINDING)).toBe(event.platform!.env!['THING' as never]);
    expect(open).toHaveBeenCalledTimes(1);
  });

  it('does not open it for who spreads the locals', async () => {
    const { app } = setupApp();
    const open = jest.spyOn(app, 'scope');
    const event = eventOf();
    await handleContainer(app)({ event, resolve: () => new Response(JSON.stringify({ ...event.locals })) });
    expect(open).not.toHaveBeenCalled();
  });

  it('passes the response on as it is where nothing is to be disposed', async () => {
    const { app } = setupApp();
    const response = new Response('page');
    expect(await handleContainer(app)({ event: eventOf(), resolve: () => response })).toBe(response);
  });

  it('disposes when the page has been sent, and when rendering it throws', async () => {
    const { app, disposed } = setupApp();
    const { ctx, kept, settle } = setupContext();
    const event = eventOf({ platform: { env: {}, ctx } });
    const page = await handleContainer(app)({
      event,
      resolve: async ({ locals }) => new Response(`page ${locals.container.resolve(RESOURCE).id}`),
    });
    expect(disposed).toEqual([]);
    expect(await page.text()).toBe('page 1');
    await settle();
    expect(disposed).toEqual([1]);

    const broken = handleContainer(app)({
      event: eventOf({ platform: { env: {}, context: ctx } }),
      resolve: ({ locals }) => Promise.reject(new RangeError(`no page ${locals.container.resolve(RESOURCE).id}`)),
    });
    await expect(broken).rejects.toThrow('no page 2');
    expect(kept).toHaveLength(2);
    await settle();
    expect(disposed).toEqual([1, 2]);
  });

  it('holds nothing up for a request of the app to itself whose body nobody reads', async () => {
    const { app } = setupApp();
    const { ctx, kept } = setupContext();
    const resolve = ({ locals }: { locals: ContainerLocals }): Response =>
      new Response(`${locals.container.resolve(RESOURCE).id}`);
    await handleContainer(app)({ event: eventOf({ platform: { ctx }, isSubRequest: true }), resolve });
    expect(kept).toEqual([]);
    await handleContainer(app)({ event: eventOf({ platform: { ctx } }), resolve });
    expect(kept).toHaveLength(1);
  });

  it.each([
    ['"a"', '"a"', true, 200],
    ['W/"a"', '"a"', true, 200],
    ['"b"', '"a"', false, 200],
    [null, '"a"', false, 200],
    ['"a"', null, false, 200],
    ['"a"', '"a"', false, 404],
  ])(
    'disposes when SvelteKit drops the page for a 304: If-None-Match %s, ETag %s',
    async (known, etag, isDropped, status) => {
      const { app, disposed } = setupApp();
      const { ctx, kept } = setupContext();
      const asking = new Request('http://app/', { headers: known === null ? {} : { 'If-None-Match': known } });
      const page = await handleContainer(app)({
        event: eventOf({ request: asking, platform: { env: {}, ctx } }),
        resolve: ({ locals }) =>
          new Response(`page ${locals.container.resolve(RESOURCE).id}`, {
            status,
            headers: etag === null ? {} : { ETag: etag },
          }),
      });
      await new Promise((resolve) => setImmediate(resolve));
      expect([kept.length, disposed]).toEqual([1, isDropped ? [1] : []]);
      expect(await page.text()).toBe('page 1');
    },
  );

  it('finds the container of a handle before it', async () => {
    const { app } = setupApp();
    const event = eventOf();
    const [first, second] = [handleContainer(app), handleContainer(app)];
    await first({
      event,
      resolve: (outer) => {
        const { container } = outer.locals;
        return second({ event: outer, resolve: (inner) => new Response(String(inner.locals.container === container)) });
      },
    }).then(async (response) => expect(await response.text()).toBe('true'));
  });

  it('serves a page that is prerendered, and says what is wrong when a binding is used there', async () => {
    const { app } = setupApp();
    const event = eventOf({ platform: { env: prerenderingEnv } });
    await handleContainer(app)({ event, resolve: ({ locals }) => new Response(typeof locals.container) });
    expect(event.locals.container.resolve(ENV)).toBe(prerenderingEnv);
    const error = codedError(() => event.locals.container.resolve(BINDING));
    expect(error.code).toBe('MISSING_BINDING');
    expect(error.message).toMatch(
      /BINDING: Cannot access platform\.env\.THING in a prerenderable route\. .*`building`/,
    );
  });

  it('serves a request without a platform, and names the binding that is used there', async () => {
    const { app } = setupApp();
    const event = eventOf();
    await handleContainer(app)({ event, resolve: ({ locals }) => new Response(typeof locals.container) });
    expect(codedError(() => event.locals.container.resolve(BINDING))).toMatchObject({
      code: 'MISSING_BINDING',
      message: expect.stringContaining('env.THING') as string,
    });
  });

  it('runs the request in what it is told to', async () => {
    const { app } = setupApp();
    const event = eventOf();
    const response = await handleContainer(app, { run: runInScope })({
      event,
      resolve: async ({ locals }) => {
        await Promise.resolve();
        return new Response(String(currentScope() === locals.container));
      },
    });
    expect(await response.text()).toBe('true');
  });
});

describe('limitRefusal', () => {
  const refused = (retryAfterMs: number, reason: 'limit' | 'store-error' = 'limit') =>
    ({
      allowed: false,
      remaining: 0,
      limit: 5,
      window: 900,
      resetAt: 0,
      retryAfterMs,
      reason,
      keyPrefix: 'rl:',
      rules: [],
    }) as never;

  it.each([
    [1_000, '1 second'],
    [119_000, '119 seconds'],
    [120_001, '3 minutes'],
    [900_000, '15 minutes'],
    [7_200_000, '2 hours'],
  ])('tells a person to wait: %d ms', (retryAfterMs, wait) => {
    const { status, headers, data } = limitRefusal(refused(retryAfterMs));
    const retryAfterSeconds = Math.ceil(retryAfterMs / 1000);
    expect([status, headers['Retry-After']]).toEqual([429, String(retryAfterSeconds)]);
    expect(data).toEqual({ message: `Too many attempts. Try again in ${wait}.`, retryAfterSeconds });
  });

  it('blames nobody where the store failed', () => {
    const { status, data } = limitRefusal(refused(5_000, 'store-error'));
    expect([status, data.message]).toEqual([503, 'This is not possible at the moment. Try again in 5 seconds.']);
  });
});
