// Signing a URL for a GET. The floor is SigV4 written by hand over node:crypto, with the key of the day kept: what has to be
// computed for each URL and nothing else. All sign for the same account; each library is used as its documentation has it,
// with one client for all URLs.
import { createHash, createHmac } from 'node:crypto';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl, S3RequestPresigner } from '@aws-sdk/s3-request-presigner';
import { AwsClient } from 'aws4fetch';
import * as Minio from 'minio';
import { R2Client } from '../dist/index.js';
import { compare } from './measure.mjs';

const ACCOUNT = { accountId: 'a'.repeat(32), accessKeyId: 'b'.repeat(32), secretAccessKey: 'c'.repeat(64) };
const HOST = `${ACCOUNT.accountId}.r2.cloudflarestorage.com`;
const BUCKET = 'codex-media-production';
const EXPIRES_IN = 3600;
const SEGMENTS = 1800;

const key = (index) =>
  `3f6e8a52-0b7c-4c2e-9b0f-6f5f6f0c9a11/hls/9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d/720p/segment-${index % SEGMENTS}.ts`;
const keys = Array.from({ length: SEGMENTS }, (_, index) => key(index));

const each = (sign) => async (iterations) => {
  for (let index = 0; index < iterations; index += 1) await sign(key(index));
};

function floor() {
  const hmac = (secret, text) => createHmac('sha256', secret).update(text).digest();
  let day;
  let signingKey;
  const sign = async (name) => {
    const date = new Date().toISOString().replace(/[:-]|\.\d{3}/g, '');
    const scope = `${date.slice(0, 8)}/auto/s3/aws4_request`;
    if (day !== date.slice(0, 8)) {
      day = date.slice(0, 8);
      signingKey = hmac(hmac(hmac(hmac(`AWS4${ACCOUNT.secretAccessKey}`, day), 'auto'), 's3'), 'aws4_request');
    }
    const path = `/${BUCKET}/${encodeURIComponent(name).replaceAll('%2F', '/')}`;
    const query =
      'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD' +
      `&X-Amz-Credential=${encodeURIComponent(`${ACCOUNT.accessKeyId}/${scope}`)}&X-Amz-Date=${date}&X-Amz-Expires=${EXPIRES_IN}`;
    const rest = '&X-Amz-SignedHeaders=host&x-id=GetObject';
    const request = `GET\n${path}\n${query}${rest}\nhost:${HOST}\n\nhost\nUNSIGNED-PAYLOAD`;
    const hash = createHash('sha256').update(request).digest('hex');
    const signature = createHmac('sha256', signingKey)
      .update(`AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash}`)
      .digest('hex');
    return `https://${HOST}${path}?${query}&X-Amz-Signature=${signature}${rest}`;
  };
  return each(sign);
}

const oneByOne = (options) => () => {
  const r2 = new R2Client(ACCOUNT);
  return each((name) => r2.getSignedUrl({ bucket: BUCKET, key: name, expiresIn: EXPIRES_IN, ...options }));
};

function playlist() {
  const r2 = new R2Client(ACCOUNT);
  return async (iterations) => {
    for (let signed = 0; signed < iterations; signed += SEGMENTS) {
      await r2.getSignedUrls({ bucket: BUCKET, keys, expiresIn: EXPIRES_IN });
    }
  };
}

// Workers make a client for each request.
function newClients() {
  return each((name) => new R2Client(ACCOUNT).getSignedUrl({ bucket: BUCKET, key: name, expiresIn: EXPIRES_IN }));
}

const CREDENTIALS = { accessKeyId: ACCOUNT.accessKeyId, secretAccessKey: ACCOUNT.secretAccessKey };

function sdkClient() {
  return new S3Client({ region: 'auto', endpoint: `https://${HOST}`, forcePathStyle: true, credentials: CREDENTIALS });
}

function withGetSignedUrl() {
  const client = sdkClient();
  return each((name) =>
    getSignedUrl(client, new GetObjectCommand({ Bucket: BUCKET, Key: name }), { expiresIn: EXPIRES_IN }),
  );
}

function withRequestPresigner() {
  const presigner = new S3RequestPresigner({ ...sdkClient().config, region: 'auto', credentials: CREDENTIALS });
  return each((name) =>
    presigner.presign(
      {
        method: 'GET',
        protocol: 'https:',
        hostname: HOST,
        path: `/${BUCKET}/${name}`,
        headers: {},
        query: {},
      },
      { expiresIn: EXPIRES_IN },
    ),
  );
}

function withAws4fetch() {
  const aws = new AwsClient({ ...CREDENTIALS, service: 's3', region: 'auto' });
  return each((name) =>
    aws.sign(`https://${HOST}/${BUCKET}/${name}?X-Amz-Expires=${EXPIRES_IN}`, { aws: { signQuery: true } }),
  );
}

function withMinio() {
  const client = new Minio.Client({
    endPoint: HOST,
    accessKey: ACCOUNT.accessKeyId,
    secretKey: ACCOUNT.secretAccessKey,
    region: 'auto',
  });
  return each((name) => client.presignedGetObject(BUCKET, name, EXPIRES_IN));
}

await compare({
  url: import.meta.url,
  title: `Signed URLs for a GET: CPU for each, keys of ${key(0).length} characters`,
  iterations: 5400,
  fewer: {
    'SDK 3.1162: getSignedUrl': 200,
    'SDK 3.1162: S3RequestPresigner.presign': 500,
    'aws4fetch 1.0.20: sign': 1000,
    'minio 8.0.7: presignedGetObject': 1000,
  },
  cases: {
    'floor: SigV4 over node:crypto, kept key': floor,
    'this package: getSignedUrl': oneByOne({}),
    'this package: getSignedUrl, roundExpiry': oneByOne({ roundExpiry: 300 }),
    'this package: getSignedUrl, two overrides': oneByOne({
      downloadName: 'film.ts',
      responseContentType: 'video/mp2t',
    }),
    'this package: getSignedUrl of a new R2Client': newClients,
    [`this package: getSignedUrls of ${SEGMENTS}`]: playlist,
    'SDK 3.1162: getSignedUrl': withGetSignedUrl,
    'SDK 3.1162: S3RequestPresigner.presign': withRequestPresigner,
    'aws4fetch 1.0.20: sign': withAws4fetch,
    'minio 8.0.7: presignedGetObject': withMinio,
  },
});
