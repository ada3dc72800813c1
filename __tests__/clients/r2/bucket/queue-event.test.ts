import { parseR2Event } from '../../../../src/clients/r2/bucket/queue-event.js';

const EVENT = {
  account: '3f4b7e3dcab231cbfdaa90a6a28bd548',
  action: 'CopyObject',
  bucket: 'my-bucket',
  object: { key: 'a/b c.mp4', size: 65536, eTag: '"c846ff7a18f28c2e262116d6e8719ef0"' },
  eventTime: '2024-05-24T19:36:44.379Z',
  copySource: { bucket: 'other', object: 'x' },
};

describe('parseR2Event', () => {
  it('reads an event, and the same as JSON', () => {
    const expected = {
      account: EVENT.account,
      action: 'CopyObject',
      bucket: 'my-bucket',
      object: { key: 'a/b c.mp4', size: 65536, etag: 'c846ff7a18f28c2e262116d6e8719ef0' },
      eventTime: new Date('2024-05-24T19:36:44.379Z'),
      copySource: { bucket: 'other', key: 'x' },
    };
    expect(parseR2Event(EVENT)).toEqual(expected);
    expect(parseR2Event(JSON.stringify({ ...EVENT, more: 1 }))).toEqual(expected);
  });

  it.each(['PutObject', 'CompleteMultipartUpload', 'DeleteObject', 'LifecycleDeletion'] as const)(
    'reads %s',
    (action) => {
      const event = parseR2Event({ ...EVENT, action, object: { key: 'a' }, copySource: undefined });
      expect(event).toMatchObject({ action, object: { key: 'a' } });
      expect(event.object).not.toHaveProperty('size');
    },
  );

  it.each<[string, unknown]>([
    ['the body', null],
    ['the body', 'x'],
    ['the body', []],
    ['account', { ...EVENT, account: 7 }],
    ['action', { ...EVENT, action: 'GetObject' }],
    ['bucket', { ...EVENT, bucket: '' }],
    ['object', { ...EVENT, object: 'a' }],
    ['object.key', { ...EVENT, object: {} }],
    ['object.size', { ...EVENT, object: { key: 'a', size: '1' } }],
    ['object.eTag', { ...EVENT, object: { key: 'a', eTag: 1 } }],
    ['eventTime', { ...EVENT, eventTime: 'yesterday' }],
    ['copySource', { ...EVENT, copySource: 1 }],
    ['copySource.object', { ...EVENT, copySource: { bucket: 'b' } }],
  ])('refuses what is wrong with %s, and names it', (field, body) => {
    expect(() => parseR2Event(body)).toThrow(new RegExp(`^R2 event: ${field.replace('.', '\\.')} `));
    expect(codeOf(() => parseR2Event(body))).toBe('INVALID_EVENT');
  });
});

function codeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return (error as { code: unknown }).code;
  }
}
