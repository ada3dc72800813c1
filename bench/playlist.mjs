// Signing one media playlist of 1,800 segments: two hours at four seconds each. The floor signs with node:crypto, the day's key
// at hand, and joins lines. What reads the playlist from the bucket is not measured: the text is in memory.
import { createHash, createHmac } from 'node:crypto';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { AwsClient } from 'aws4fetch';
import { R2Client, rewritePlaylist, signPlaylist } from '../dist/index.js';
import { compare } from './measure.mjs';

const SEGMENTS = 1_800;
const BUCKET = 'codex-media-production';
const FOLDER = 'creator-1/hls/media-1/720p/';
const HOST = `${'a'.repeat(32)}.r2.cloudflarestorage.com`;
const CREDENTIALS = { accessKeyId: 'test'.padEnd(32, '0'), secretAccessKey: 's'.repeat(64) };
const CONFIG = { accountId: 'a'.repeat(32), ...CREDENTIALS };
const EXPIRES_SECONDS = 14_400;

const segment = (index) => `#EXTINF:4.000000,\nsegment-${index}.m4s\n`;
const head = '#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI="init.mp4"\n';
const text = `${head}${Array.from({ length: SEGMENTS }, (_, index) => segment(index)).join('')}#EXT-X-ENDLIST\n`;

/** Runs `sign` as often as asked, and checks that it signed them all. */
async function repeat(iterations, sign) {
  for (let index = 0; index < iterations; index += 1) {
    const signed = await sign();
    if (signed.split('X-Amz-Signature=').length !== SEGMENTS + 2) throw new Error('not all of it is signed');
  }
}

const sha256 = (value) => createHash('sha256').update(value).digest('hex');
const hmac = (key, value) => createHmac('sha256', key).update(value).digest();

function bareSigner() {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const scope = `${time.slice(0, 8)}/auto/s3/aws4_request`;
  const key = scope.split('/').reduce(hmac, `AWS4${CREDENTIALS.secretAccessKey}`);
  const credential = encodeURIComponent(`${CREDENTIALS.accessKeyId}/${scope}`);
  const query =
    `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Credential=${credential}` +
    `&X-Amz-Date=${time}&X-Amz-Expires=${EXPIRES_SECONDS}&X-Amz-SignedHeaders=host`;
  return (name) => {
    const path = `/${BUCKET}/${FOLDER}${name}`;
    const canonical = `GET\n${path}\n${query}\nhost:${HOST}\n\nhost\nUNSIGNED-PAYLOAD`;
    const signature = createHmac('sha256', key).update(`AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`);
    return `https://${HOST}${path}?${query}&X-Amz-Signature=${signature.digest('hex')}`;
  };
}

function floor() {
  const names = ['init.mp4', ...Array.from({ length: SEGMENTS }, (_, index) => `segment-${index}.m4s`)];
  return (iterations) =>
    repeat(iterations, () => {
      const sign = bareSigner();
      return names.map(sign).join('\n');
    });
}

function ours() {
  class MemoryR2 extends R2Client {
    async downloadFile() {
      return { body: new Blob([text]).stream() };
    }
  }
  const r2 = new MemoryR2(CONFIG);
  const key = `${FOLDER}playlist.m3u8`;
  const options = { bucket: BUCKET, key, expiresIn: EXPIRES_SECONDS, roundExpiry: 300 };
  return (iterations) => repeat(iterations, async () => (await signPlaylist(r2, options)).text);
}

/** What people write: one expression for lines and one for attributes. */
function regex(signAll) {
  const line = /^(?!#)(\S.*)$/gm;
  const attribute = /URI="([^"]+)"/g;
  return (iterations) =>
    repeat(iterations, async () => {
      const names = [...text.matchAll(attribute), ...text.matchAll(line)].map(([, name]) => name);
      const urls = await signAll(names);
      const signed = new Map(names.map((name, index) => [name, urls[index]]));
      return text
        .replace(attribute, (_, name) => `URI="${signed.get(name)}"`)
        .replace(line, (name) => signed.get(name));
    });
}

function regexWithOurSigner() {
  const r2 = new R2Client(CONFIG);
  const options = { bucket: BUCKET, expiresIn: EXPIRES_SECONDS };
  return regex((names) => r2.getSignedUrls({ ...options, keys: names.map((name) => FOLDER + name) }));
}

function regexWithSdk() {
  const client = new S3Client({
    region: 'auto',
    endpoint: `https://${HOST}`,
    forcePathStyle: true,
    credentials: CREDENTIALS,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  const sign = (name) =>
    getSignedUrl(client, new GetObjectCommand({ Bucket: BUCKET, Key: FOLDER + name }), { expiresIn: EXPIRES_SECONDS });
  return regex((names) => Promise.all(names.map(sign)));
}

function regexWithAws4fetch() {
  const client = new AwsClient({ ...CREDENTIALS, service: 's3', region: 'auto' });
  const sign = async (name) => {
    const url = `https://${HOST}/${BUCKET}/${FOLDER}${name}?X-Amz-Expires=${EXPIRES_SECONDS}`;
    return (await client.sign(url, { aws: { signQuery: true } })).url;
  };
  return regex((names) => Promise.all(names.map(sign)));
}

function rewriteAlone() {
  // Checked by `repeat`, so the mark is part of what is written.
  return (iterations) => repeat(iterations, () => rewritePlaylist(text, (uri) => `${uri}?X-Amz-Signature=`));
}

await compare({
  url: import.meta.url,
  title: `Signing a playlist of ${SEGMENTS.toLocaleString('en')} segments`,
  iterations: 8,
  fewer: { 'SDK getSignedUrl for each line': 1, 'aws4fetch for each line': 1 },
  cases: {
    'floor: node:crypto for each line, key at hand': floor,
    'this package: signPlaylist': ours,
    'this package: rewritePlaylist alone, nothing signed': rewriteAlone,
    'regular expressions + getSignedUrls of this package': regexWithOurSigner,
    'aws4fetch for each line': regexWithAws4fetch,
    'SDK getSignedUrl for each line': regexWithSdk,
  },
});
