import fc from 'fast-check';
import {
  diffLifecycle,
  getLifecycle,
  putLifecycle,
  type R2PutLifecycleOptions,
} from '../../../../src/clients/r2/bucket/lifecycle.js';
import type { R2LifecycleRule } from '../../../../src/clients/r2/bucket/lifecycle-rule.js';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { failure, silence, status } from '../fault-server.js';
import { startSettingServer, type SettingServer } from './setting-server.js';

const bucket = 'codex-media';
const DEFAULT_RULE: R2LifecycleRule = {
  id: 'Default Multipart Abort Rule',
  prefix: '',
  enabled: true,
  abortMultipartAfterDays: 7,
};
const PREVIEWS: R2LifecycleRule = { id: 'previews', prefix: 'c1/previews/', enabled: true, expireAfterDays: 30 };
const TAGGED =
  '<Rule><ID>tagged</ID><Filter><And><Prefix>a/</Prefix><Tag><Key>k</Key><Value>v &amp; w</Value></Tag></And></Filter><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>';

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

function stored(rules: string): void {
  const namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
  settings.documents.set('lifecycle', `<LifecycleConfiguration ${namespace}>${rules}</LifecycleConfiguration>`);
}

function put(options: Omit<R2PutLifecycleOptions, 'bucket'>) {
  return putLifecycle(r2, { bucket, ...options });
}

function writes(): number {
  return settings.server.seen.filter(({ method }) => method !== 'GET').length;
}

describe('getLifecycle', () => {
  it('returns no rules for a bucket without any', async () => {
    expect(await getLifecycle(r2, { bucket })).toEqual({ rules: [], unknown: [] });
  });

  it('reads every action, and the old form of a prefix', async () => {
    stored(
      [
        '<Rule><ID>a</ID><Prefix>x &lt;y&gt;/</Prefix><Status>Disabled</Status><Expiration><Date>2027-01-31T00:00:00Z</Date></Expiration></Rule>',
        '<Rule><ID>b</ID><Filter/><Status>Enabled</Status><Transition><Days>30</Days><StorageClass>STANDARD_IA</StorageClass></Transition>',
        '<AbortIncompleteMultipartUpload><DaysAfterInitiation>3</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>',
      ].join(''),
    );
    expect(await getLifecycle(r2, { bucket })).toEqual({
      rules: [
        { id: 'a', prefix: 'x <y>/', enabled: false, expireAt: '2027-01-31' },
        {
          id: 'b',
          prefix: '',
          enabled: true,
          abortMultipartAfterDays: 3,
          transition: { afterDays: 30, storageClass: 'STANDARD_IA' },
        },
      ],
      unknown: [],
    });
  });

  it.each([
    ['a filter by tag', TAGGED],
    [
      'a time of day',
      TAGGED.replace(/<Filter>.*<\/Filter>/, '').replace('<Days>1</Days>', '<Date>2027-01-01T10:00:00Z</Date>'),
    ],
    [
      'another storage class',
      '<Rule><ID>g</ID><Status>Enabled</Status><Transition><Days>1</Days><StorageClass>GLACIER</StorageClass></Transition></Rule>',
    ],
    [
      'two transitions',
      `<Rule><ID>t</ID><Status>Enabled</Status>${'<Transition><Days>1</Days><StorageClass>STANDARD_IA</StorageClass></Transition>'.repeat(2)}</Rule>`,
    ],
    [
      'a delete marker',
      '<Rule><ID>m</ID><Status>Enabled</Status><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration></Rule>',
    ],
    ['no name', '<Rule><Status>Enabled</Status><Expiration><Days>1</Days></Expiration></Rule>'],
  ])('shows a rule with %s as unknown, word for word', async (_, xml) => {
    stored(xml);
    const { rules, unknown } = await getLifecycle(r2, { bucket });
    expect(rules).toEqual([]);
    expect(unknown.map((rule) => rule.xml)).toEqual([xml]);
  });

  it('refuses an answer that is no lifecycle configuration', async () => {
    settings.server.answer(status(200, '<html>hello</html>'));
    await expect(getLifecycle(r2, { bucket })).rejects.toMatchObject({ code: 'R2_FAILED' });
  });

  it.each([
    [403, 'AccessDenied', 'R2_ACCESS_DENIED'],
    [404, 'NoSuchBucket', 'R2_NO_SUCH_BUCKET'],
  ])('tells of HTTP %i %s as %s', async (code, name, ours) => {
    settings.server.answer(failure(code, name));
    await expect(getLifecycle(r2, { bucket })).rejects.toMatchObject({ code: ours });
  });

  it('says in plain words that an endpoint has no lifecycle settings', async () => {
    settings.server.answer(failure(501, 'NotImplemented'));
    await expect(getLifecycle(r2, { bucket })).rejects.toMatchObject({
      code: 'R2_NOT_SUPPORTED',
      message: `R2 read of the lifecycle settings of ${bucket} failed: this endpoint has no lifecycle settings.`,
    });
  });

  it('ends at the word of its caller', async () => {
    settings.server.answer(silence);
    const controller = new AbortController();
    const work = getLifecycle(r2, { bucket, signal: controller.signal });
    setImmediate(() => controller.abort('enough'));
    await expect(work).rejects.toMatchObject({ code: 'R2_ABORTED', cause: 'enough' });
  });
});

describe('putLifecycle', () => {
  it('merges by id, and keeps the rule that R2 makes itself', async () => {
    await put({ rules: [DEFAULT_RULE], mode: 'replace' });
    const result = await put({ rules: [PREVIEWS], mode: 'merge' });
    expect(result).toMatchObject({ added: [PREVIEWS], unchanged: [DEFAULT_RULE], removed: [], written: true });
    expect(result.losesMultipartRule).toBe(false);
    expect((await getLifecycle(r2, { bucket })).rules).toEqual([DEFAULT_RULE, PREVIEWS]);
    const changed = await put({ rules: [{ ...PREVIEWS, expireAfterDays: 60 }], mode: 'merge' });
    expect(changed.changed).toEqual([{ before: PREVIEWS, after: { ...PREVIEWS, expireAfterDays: 60 } }]);
    expect((await getLifecycle(r2, { bucket })).rules).toHaveLength(2);
  });

  it('says that a replacement takes away what aborts unfinished uploads', async () => {
    await put({ rules: [DEFAULT_RULE], mode: 'replace' });
    const plan = await put({ rules: [PREVIEWS], mode: 'replace', dryRun: true });
    expect(plan).toMatchObject({ losesMultipartRule: true, removed: [DEFAULT_RULE], written: false });
    expect((await getLifecycle(r2, { bucket })).rules).toEqual([DEFAULT_RULE]);
  });

  it('writes nothing when nothing changes', async () => {
    await put({ rules: [PREVIEWS], mode: 'replace' });
    settings.server.seen.length = 0;
    // The defaults of the same rule, left out.
    const again = await put({
      rules: [{ id: 'previews', prefix: 'c1/previews/', expireAfterDays: 30 }],
      mode: 'merge',
    });
    expect(again).toMatchObject({ written: false, unchanged: [PREVIEWS] });
    expect(writes()).toBe(0);
  });

  it('takes the settings away when no rule is left', async () => {
    await put({ rules: [PREVIEWS], mode: 'replace' });
    await put({ rules: [], mode: 'replace' });
    expect(settings.documents.has('lifecycle')).toBe(false);
  });

  it.each(['merge', 'replace'] as const)('writes back a rule of another kind unchanged (%s)', async (mode) => {
    stored(TAGGED);
    const result = await put({ rules: [PREVIEWS], mode });
    expect(result.kept).toEqual([{ id: 'tagged', xml: TAGGED }]);
    expect(settings.documents.get('lifecycle')).toContain(TAGGED);
  });

  it('keeps the fields that it does not know of a rule that it changes', async () => {
    const extra = '<NoncurrentVersionExpiration><NoncurrentDays>9</NoncurrentDays></NoncurrentVersionExpiration>';
    stored(`<Rule><ID>previews</ID><Status>Enabled</Status><Expiration><Days>1</Days></Expiration>${extra}</Rule>`);
    await put({ rules: [PREVIEWS], mode: 'merge' });
    expect(settings.documents.get('lifecycle')).toContain(`<Expiration><Days>30</Days></Expiration>${extra}</Rule>`);
  });

  it('refuses the id of a rule of another kind, unless told to drop it', async () => {
    stored(TAGGED);
    const rules = [{ ...PREVIEWS, id: 'tagged' }];
    await expect(put({ rules, mode: 'merge' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(writes()).toBe(0);
    const result = await put({ rules, mode: 'replace', dropUnknown: true });
    expect(result.dropped).toEqual([{ id: 'tagged', xml: TAGGED }]);
    expect(settings.documents.get('lifecycle')).not.toContain('Tag');
  });

  it.each<[string, R2LifecycleRule[]]>([
    ['two rules of one id', [PREVIEWS, PREVIEWS]],
    ['no id', [{ ...PREVIEWS, id: '' }]],
    ['an id of 256 characters', [{ ...PREVIEWS, id: 'x'.repeat(256) }]],
    ['0 days', [{ ...PREVIEWS, expireAfterDays: 0 }]],
    ['half a day', [{ ...PREVIEWS, expireAfterDays: 0.5 }]],
    ['a day that does not exist', [{ id: 'a', expireAt: '2027-02-30' }]],
    ['days and a day', [{ ...PREVIEWS, expireAt: '2027-02-28' }]],
    ['no action', [{ id: 'a' }]],
    ['a transition without a time', [{ id: 'a', transition: { storageClass: 'STANDARD_IA' } }]],
    ['1,001 rules', Array.from({ length: 1001 }, (_, index) => ({ ...PREVIEWS, id: `${index}` }))],
    ['no object', [null as unknown as R2LifecycleRule]],
  ])('refuses %s and sends nothing', async (_, rules) => {
    settings.server.seen.length = 0;
    await expect(put({ rules, mode: 'merge' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(settings.server.seen).toEqual([]);
  });

  it('counts the rules that are there towards the 1,000', async () => {
    const rules = Array.from({ length: 1000 }, (_, index) => ({ ...PREVIEWS, id: `${index}` }));
    await put({ rules, mode: 'replace' });
    await expect(put({ rules: [PREVIEWS], mode: 'merge' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect((await getLifecycle(r2, { bucket })).rules).toHaveLength(1000);
  });

  const text = fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' });
  const anyRule = fc.record(
    {
      id: text,
      prefix: text,
      enabled: fc.boolean(),
      expireAfterDays: fc.integer({ min: 1, max: 9999 }),
      abortMultipartAfterDays: fc.integer({ min: 1, max: 9999 }),
      transition: fc.record({ at: fc.constant('2027-03-01'), storageClass: fc.constant('STANDARD_IA' as const) }),
    },
    { requiredKeys: ['id', 'prefix', 'enabled', 'abortMultipartAfterDays'] },
  );

  it('brings back any rules that it wrote', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(anyRule, { selector: ({ id }) => id, maxLength: 5 }), async (rules) => {
        settings.documents.clear();
        await put({ rules, mode: 'replace' });
        expect((await getLifecycle(r2, { bucket })).rules).toEqual(rules);
      }),
      { numRuns: 60 },
    );
  });
});

describe('diffLifecycle', () => {
  it('sorts rules into added, changed, removed and unchanged', () => {
    const longer = { ...PREVIEWS, expireAfterDays: 31 };
    const added: R2LifecycleRule = { ...PREVIEWS, id: 'new' };
    const old: R2LifecycleRule = { ...PREVIEWS, id: 'old' };
    expect(diffLifecycle([DEFAULT_RULE, PREVIEWS, old], [longer, added, DEFAULT_RULE])).toEqual({
      added: [added],
      changed: [{ before: PREVIEWS, after: longer }],
      removed: [old],
      unchanged: [DEFAULT_RULE],
    });
  });
});
