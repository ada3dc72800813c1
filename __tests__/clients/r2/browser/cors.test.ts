import type { R2CorsRule } from '../../../../src/clients/r2/bucket/cors-rule.js';
import { checkCors } from '../../../../src/clients/r2/browser/check-cors.js';
import { corsRules, type CorsRulesOptions } from '../../../../src/clients/r2/browser/cors-rules.js';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { putCorsRules } from '../../../support/bucket-cors.js';
import { startS3Front, type S3Front } from '../../../support/s3-front.js';

const bucket = 'cors-media';
const origin = 'https://app.example';

describe('corsRules', () => {
  it('allows what the client needs, and no more', () => {
    expect(corsRules({ origins: [origin, 'http://localhost:5173'] })).toEqual([
      {
        id: 'browser-uploads',
        allowedOrigins: [origin, 'http://localhost:5173'],
        allowedMethods: ['PUT'],
        allowedHeaders: ['content-type', 'if-none-match'],
        exposeHeaders: ['ETag'],
        maxAgeSeconds: 3600,
      },
    ]);
    const methods = (uppy: CorsRulesOptions['uppy']): unknown =>
      corsRules({ origins: [origin], uppy })[0]?.allowedMethods;
    expect([4, 5, 'companion', 'put'].map((uppy) => methods(uppy as 4))).toEqual([['PUT'], ['PUT'], ['PUT'], ['PUT']]);
    expect(methods(6)).toEqual(['PUT', 'POST', 'GET', 'DELETE']);
  });

  it('exposes to Uppy 6 the code of a refusal as well, which it asks for', () => {
    const exposed = (uppy: CorsRulesOptions['uppy']): unknown =>
      corsRules({ origins: [origin], uppy })[0]?.exposeHeaders;
    expect([exposed(5), exposed(6)]).toEqual([['ETag'], ['ETag', 'x-amz-error-code']]);
  });

  it('adds headers, and a rule for reading', () => {
    const [upload, read] = corsRules({ origins: [origin], headers: ['X-Amz-Meta-Title', 'content-type'], read: true });
    expect(upload?.allowedHeaders).toEqual(['content-type', 'if-none-match', 'x-amz-meta-title']);
    expect(read).toMatchObject({ allowedMethods: ['GET', 'HEAD'], allowedHeaders: ['range', 'if-none-match'] });
  });

  it.each([
    ['origins', { origins: [] }],
    ['origins', { origins: ['https://app.example/'] }],
    ['origins', { origins: ['https://app.example/path'] }],
    ['origins', { origins: ['app.example'] }],
    ['origins', { origins: ['*'] }],
    ['origins', { origins: ['https://App.example'] }],
    ['origins', { origins: ['https://app.example:443'] }],
    ['origins', { origins: ['ftp://app.example'] }],
    ['origins', { origins: 'https://app.example' as never }],
    ['uppy', { origins: [origin], uppy: 3 as never }],
    ['headers', { origins: [origin], headers: ['*'] }],
    ['headers', { origins: [origin], headers: ['a b'] }],
    ['maxAgeSeconds', { origins: [origin], maxAgeSeconds: 86_401 }],
  ])('refuses %s: %j', (name, options) => {
    expect(() => corsRules(options)).toThrow(name);
  });
});

describe('checkCors', () => {
  let front: S3Front;
  let r2: R2Client;

  beforeAll(async () => {
    front = await startS3Front({ buckets: [bucket] });
    r2 = new R2Client(front.config);
  });

  afterAll(() => front.stop());

  beforeEach(() => front.reset());

  async function setRules(rules: readonly Partial<R2CorsRule>[]): Promise<void> {
    await putCorsRules(front, bucket, rules);
    front.reset();
  }

  async function problems(options: Partial<Parameters<typeof checkCors>[1]> = {}): Promise<unknown[]> {
    const found = await checkCors(r2, { bucket, origin, ...options });
    expect(found.ok).toBe(found.problems.length === 0);
    return found.problems.map(({ missing, name }) => [missing, name]);
  }

  it('finds nothing wrong with what corsRules made, and stores nothing', async () => {
    for (const uppy of ['put', 5, 6] as const) {
      await setRules(corsRules({ origins: [origin], uppy, headers: ['x-a'] }));
      expect(await problems({ uppy, headers: ['x-a'] })).toEqual([]);
    }
    expect(await r2.listFiles({ bucket })).toEqual([]);
    expect(front.pending(bucket)).toEqual([]);
  });

  it('says when the origin is missing', async () => {
    for (const rules of [
      corsRules({ origins: ['https://other.example'], uppy: 6 }),
      corsRules({ origins: ['http://app.example'] }),
      corsRules({ origins: [`${origin}:8443`] }),
    ]) {
      await setRules(rules);
      expect(await problems({ uppy: 6 })).toEqual([['origin', origin]]);
    }
  });

  it('says which methods are missing', async () => {
    await setRules(corsRules({ origins: [origin], uppy: 5 }));
    expect(await problems({ uppy: 6 })).toEqual([
      ['method', 'POST'],
      ['method', 'GET'],
      ['method', 'DELETE'],
    ]);
    await setRules([{ allowedOrigins: [origin], allowedMethods: ['GET'] }]);
    expect((await checkCors(r2, { bucket, origin })).problems[0]).toEqual({
      missing: 'method',
      name: 'PUT',
      message: 'The CORS rules allow https://app.example, but not the method PUT.',
    });
  });

  it('finds nothing missing where Uppy 6 cannot read the code of a refusal: uploads work without it', async () => {
    const [rule] = corsRules({ origins: [origin], uppy: 6 });
    await setRules([{ ...rule, exposeHeaders: ['ETag'] }]);
    expect(await problems({ uppy: 6 })).toEqual([]);
  });

  it('says which headers are missing, and that ETag is not exposed', async () => {
    const [rule] = corsRules({ origins: [origin] });
    await setRules([{ ...rule, allowedHeaders: ['Content-Type'], exposeHeaders: [] }]);
    expect(await problems()).toEqual([
      ['header', 'if-none-match'],
      ['exposed header', 'ETag'],
    ]);
    await setRules([{ ...rule, exposeHeaders: ['x-other'] }]);
    expect(await problems()).toEqual([['exposed header', 'ETag']]);
    await setRules([
      { ...rule, allowedHeaders: ['content-type'] },
      { ...rule, allowedHeaders: ['if-none-match'] },
    ]);
    expect(await problems()).toEqual([['header', 'content-type, if-none-match']]);
  });

  it('does not count against the bucket what the answer does not tell', async () => {
    await setRules(corsRules({ origins: [origin] }));
    front.fault(({ operation }) => operation === 'UploadPart', { cut: 'request' });
    expect(await checkCors(r2, { bucket, origin })).toMatchObject({
      ok: false,
      problems: [{ missing: 'unreachable' }],
    });
    const real = globalThis.fetch;
    globalThis.fetch = async (...args) => {
      const answer = await real(...args);
      return args[1]?.method === 'PUT' ? new Response('', { status: 400 }) : answer;
    };
    const found = await checkCors(r2, { bucket, origin }).finally(() => (globalThis.fetch = real));
    expect(found).toMatchObject({ ok: true, problems: [{ missing: 'unknown', name: 'ETag' }] });
  });

  it('reads the answers as a browser does: 204 alone allows nothing', async () => {
    const real = globalThis.fetch;
    const answers = async (headers: Record<string, string>): Promise<unknown[]> => {
      globalThis.fetch = async () => new Response(null, { status: 204, headers });
      return problems().finally(() => (globalThis.fetch = real));
    };
    const allowed = { 'access-control-allow-origin': origin, 'access-control-allow-methods': 'PUT' };
    const exposed = { 'access-control-expose-headers': 'ETag' };
    expect(await answers({})).toEqual([['origin', origin]]);
    expect(await answers({ ...allowed, 'access-control-allow-origin': 'https://other.example' })).toHaveLength(1);
    expect(await answers({ ...allowed, ...exposed, 'access-control-allow-headers': 'Content-Type' })).toEqual([
      ['header', 'if-none-match'],
    ]);
    expect(await answers({ ...allowed, ...exposed, 'access-control-allow-headers': '*' })).toEqual([]);
  });

  it('says when nothing answers', async () => {
    const nowhere = new R2Client({ ...front.config, endpoint: 'http://127.0.0.1:1' });
    expect(await checkCors(nowhere, { bucket, origin })).toMatchObject({
      ok: false,
      problems: [{ missing: 'unreachable', message: 'http://127.0.0.1:1 did not answer.' }],
    });
  });

  it('is ended by the caller’s signal', async () => {
    const controller = new AbortController();
    front.fault(() => true, { until: new Promise(() => undefined) });
    const check = checkCors(r2, { bucket, origin, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(check).rejects.toMatchObject({ code: 'R2_ABORTED', cause: new Error('enough') });
  });

  it('refuses an origin that no browser sends', async () => {
    await expect(checkCors(r2, { bucket, origin: 'https://app.example/' })).rejects.toThrow('origin');
  });
});
