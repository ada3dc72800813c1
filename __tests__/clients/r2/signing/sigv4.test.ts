import { digestToHex } from '../../../../src/clients/r2/signing/sha256.js';
import {
  deriveSigningKey,
  escapeKey,
  escapeUri,
  signature,
  stringToSignStart,
} from '../../../../src/clients/r2/signing/sigv4.js';

// The secret of AWS's documentation.
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';

describe('SigV4', () => {
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
  it('signs the presigned GET of the documentation of Amazon S3', () => {
    const scope = { day: '20130524', region: 'us-east-1', service: 's3' };
    const canonicalRequest = [
      'GET',
      '/test.txt',
      'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request' +
        '&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host',
      'host:examplebucket.s3.amazonaws.com',
      '',
      'host',
      'UNSIGNED-PAYLOAD',
    ].join('\n');
    const sign = deriveSigningKey(SECRET, scope).beginningWith(stringToSignStart('20130524T000000Z', scope));
    expect(signature(sign, canonicalRequest)).toBe('aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404');
  });

  // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "GET Object"
  it('signs the GET with headers of the documentation of Amazon S3', () => {
    const scope = { day: '20130524', region: 'us-east-1', service: 's3' };
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    const canonicalRequest = [
      'GET',
      '/test.txt',
      '',
      'host:examplebucket.s3.amazonaws.com',
      'range:bytes=0-9',
      `x-amz-content-sha256:${empty}`,
      'x-amz-date:20130524T000000Z',
      '',
      'host;range;x-amz-content-sha256;x-amz-date',
      empty,
    ].join('\n');
    const sign = deriveSigningKey(SECRET, scope).beginningWith(stringToSignStart('20130524T000000Z', scope));
    expect(signature(sign, canonicalRequest)).toBe('f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41');
  });

  it('derives the key of the documentation of Signature Version 4', () => {
    // There the secret has a plus sign.
    const secret = SECRET.replace('G/b', 'G+b');
    const key = deriveSigningKey(secret, { day: '20150830', region: 'us-east-1', service: 'iam' });
    const stringToSign = [
      'AWS4-HMAC-SHA256',
      '20150830T123600Z',
      '20150830/us-east-1/iam/aws4_request',
      'f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59',
    ].join('\n');
    expect(digestToHex(key.digest(stringToSign))).toBe(
      '5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
    );
  });

  it('escapes what is not letter, digit or one of -._~', () => {
    expect(escapeUri("aZ09-._~/ +%!'()*é")).toBe('aZ09-._~%2F%20%2B%25%21%27%28%29%2A%C3%A9');
  });

  it('keeps the slashes of a key, and what it escaped before', () => {
    expect(escapeKey('a/b.c')).toBe('a/b.c');
    expect(escapeKey('/a b//%2F/')).toBe('/a%20b//%252F/');
  });
});
