import { evaluateConditions, httpDate } from '../../../../src/clients/r2/transfer/http-conditions.js';

describe('evaluateConditions', () => {
  it('does not take a version whose date is not known for an old one', () => {
    const headers = new Headers({ 'if-modified-since': new Date().toUTCString() });
    expect(evaluateConditions(headers, { etag: 'a', lastModified: new Date(0) })).toBe('met');
  });
});

describe('httpDate', () => {
  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'reads %s, in GMT wherever it runs',
    (text) => expect(httpDate(text)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37)),
  );

  it.each(['1994', 'Sun, 06 Nov 1994 08:49:37', '1994-11-06T08:49:37Z', 'foo 1', 'Sun, 99 Nov 1994 08:49:37 GMT'])(
    'takes %s for no date',
    (text) => expect(httpDate(text)).toBeNull(),
  );
});
