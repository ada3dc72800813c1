import { diffCors, getCors, putCors } from '../../../../src/clients/r2/bucket/cors.js';
import type { R2CorsRule } from '../../../../src/clients/r2/bucket/cors-rule.js';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { failure } from '../fault-server.js';
import { startSettingServer, type SettingServer } from './setting-server.js';

const bucket = 'codex-media';
const APP: R2CorsRule = {
  id: 'app',
  allowedOrigins: ['https://app.example', 'http://localhost:5173'],
  allowedMethods: ['GET', 'PUT'],
  allowedHeaders: ['content-type', 'x-amz-meta-a'],
  exposeHeaders: ['ETag'],
  maxAgeSeconds: 3600,
};
const PUBLIC: R2CorsRule = { allowedOrigins: ['*'], allowedMethods: ['GET'], allowedHeaders: [], exposeHeaders: [] };

let settings: SettingServer;
let r2: R2Client;

beforeAll(async () => {
  settings = await startSettingServer();
  r2 = new R2Client({
    accountId: 'acc',
    accessKeyId: 'AKID',
    secretAccessKey: 'secret',
    endpoint: settings.server.endpoint,
  });
});
beforeEach(() => settings.reset());
afterAll(() => settings.server.stop());

describe('putCors and getCors', () => {
  it('bring back what was written, and nothing for a bucket without rules', async () => {
    expect(await getCors(r2, { bucket })).toEqual([]);
    const result = await putCors(r2, { bucket, rules: [APP, PUBLIC], mode: 'replace' });
    expect(result).toMatchObject({ added: [APP, PUBLIC], written: true });
    expect(await getCors(r2, { bucket })).toEqual([APP, PUBLIC]);
  });

  it('merge by id, and rules without one by what they say', async () => {
    await putCors(r2, { bucket, rules: [PUBLIC, APP], mode: 'replace' });
    const changed = { ...APP, maxAgeSeconds: 60 };
    const result = await putCors(r2, { bucket, rules: [changed, PUBLIC], mode: 'merge' });
    expect(result).toMatchObject({
      added: [],
      changed: [{ before: APP, after: changed }],
      unchanged: [PUBLIC],
      reordered: false,
    });
    expect(await getCors(r2, { bucket })).toEqual([PUBLIC, changed]);
  });

  it('write nothing when nothing changes, and for a dry run', async () => {
    await putCors(r2, { bucket, rules: [APP], mode: 'replace' });
    const again = await putCors(r2, { bucket, rules: [APP], mode: 'merge' });
    const dry = await putCors(r2, { bucket, rules: [], mode: 'replace', dryRun: true });
    expect([again.written, dry.written, dry.removed]).toEqual([false, false, [APP]]);
    expect(settings.server.seen.filter(({ method }) => method !== 'GET')).toHaveLength(1);
  });

  it('write another order, because the first rule that fits decides', async () => {
    await putCors(r2, { bucket, rules: [APP, PUBLIC], mode: 'replace' });
    const result = await putCors(r2, { bucket, rules: [PUBLIC, APP], mode: 'replace' });
    expect(result).toMatchObject({ reordered: true, written: true, added: [], removed: [] });
    expect(await getCors(r2, { bucket })).toEqual([PUBLIC, APP]);
  });

  it('take the settings away when no rule is left', async () => {
    await putCors(r2, { bucket, rules: [APP], mode: 'replace' });
    await putCors(r2, { bucket, rules: [], mode: 'replace' });
    expect(settings.documents.has('cors')).toBe(false);
  });

  it('write back fields that they do not know', async () => {
    const rule =
      '<CORSRule><ID>app</ID><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><New>1</New></CORSRule>';
    settings.documents.set('cors', `<CORSConfiguration>${rule}</CORSConfiguration>`);
    await putCors(r2, { bucket, rules: [PUBLIC], mode: 'merge' });
    expect(settings.documents.get('cors')).toContain(rule);
    await putCors(r2, { bucket, rules: [APP], mode: 'merge' });
    expect(settings.documents.get('cors')).toContain('<New>1</New></CORSRule>');
  });

  it.each<[string, R2CorsRule[]]>([
    ['an origin with a path', [{ ...APP, allowedOrigins: ['https://app.example/'] }]],
    ['an origin without a scheme', [{ ...APP, allowedOrigins: ['app.example'] }]],
    ['no origin', [{ ...APP, allowedOrigins: [] }]],
    ['another method', [{ ...APP, allowedMethods: ['OPTIONS' as 'GET'] }]],
    ['a header that is none', [{ ...APP, allowedHeaders: ['a b'] }]],
    ['an age of more than a day', [{ ...APP, maxAgeSeconds: 86_401 }]],
    ['two rules of one id', [APP, APP]],
    ['101 rules', Array.from({ length: 101 }, (_, index) => ({ ...APP, id: `${index}` }))],
  ])('refuse %s and send nothing', async (_, rules) => {
    await expect(putCors(r2, { bucket, rules, mode: 'merge' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(settings.server.seen).toEqual([]);
  });

  it('say that an endpoint has no CORS settings', async () => {
    settings.server.answer(failure(501, 'NotImplemented'));
    await expect(getCors(r2, { bucket })).rejects.toMatchObject({ code: 'R2_NOT_SUPPORTED' });
  });
});

describe('diffCors', () => {
  it('compares without sending anything', () => {
    expect(diffCors([APP], [PUBLIC])).toEqual({
      added: [PUBLIC],
      changed: [],
      removed: [APP],
      unchanged: [],
      reordered: false,
    });
  });
});
