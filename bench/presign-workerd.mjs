// Signing a URL for a GET inside workerd, without compatibility flags. The clock of a Worker stands still while it computes, so
// the time is taken outside: CPU of the workerd process for a request that signs many URLs. Cases take turns, in one process.
import { median } from './statistics.mjs';
import { bundleWorker, cpuSeconds, startWorkerd, workerdPid } from './workerd.mjs';

const ROUNDS = 7;
const URLS = 20_000;

const WORKER = `
import { AwsClient } from 'aws4fetch';
import { R2Client } from './dist/index.js';

const ACCOUNT = { accountId: 'a'.repeat(32), accessKeyId: 'b'.repeat(32), secretAccessKey: 'c'.repeat(64) };
const HOST = ACCOUNT.accountId + '.r2.cloudflarestorage.com';
const BUCKET = 'codex-media-production';
const key = (index) => 'creator-0b7c/hls/9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d/720p/segment-' + index + '.ts';
const encoder = new TextEncoder();

// The floor of what a Worker has: WebCrypto, with the imported key of the day kept.
async function hmac(secret, text) {
  const imported = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return crypto.subtle.sign('HMAC', imported, encoder.encode(text));
}
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
let kept;
async function floor(name) {
  const date = new Date().toISOString().replace(/[:-]|\\.\\d{3}/g, '');
  const day = date.slice(0, 8);
  const scope = day + '/auto/s3/aws4_request';
  if (kept?.day !== day) {
    let secret = encoder.encode('AWS4' + ACCOUNT.secretAccessKey);
    for (const part of [day, 'auto', 's3', 'aws4_request']) secret = await hmac(secret, part);
    kept = { day, key: await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']) };
  }
  const path = '/' + BUCKET + '/' + encodeURIComponent(name).replaceAll('%2F', '/');
  const query = 'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Credential=' +
    encodeURIComponent(ACCOUNT.accessKeyId + '/' + scope) + '&X-Amz-Date=' + date + '&X-Amz-Expires=3600';
  const rest = '&X-Amz-SignedHeaders=host&x-id=GetObject';
  const request = 'GET\\n' + path + '\\n' + query + rest + '\\nhost:' + HOST + '\\n\\nhost\\nUNSIGNED-PAYLOAD';
  const hash = hex(await crypto.subtle.digest('SHA-256', encoder.encode(request)));
  const text = 'AWS4-HMAC-SHA256\\n' + date + '\\n' + scope + '\\n' + hash;
  const signature = hex(await crypto.subtle.sign('HMAC', kept.key, encoder.encode(text)));
  return 'https://' + HOST + path + '?' + query + '&X-Amz-Signature=' + signature + rest;
}

const r2 = new R2Client(ACCOUNT);
const aws = new AwsClient({ accessKeyId: ACCOUNT.accessKeyId, secretAccessKey: ACCOUNT.secretAccessKey, service: 's3', region: 'auto' });
const each = (sign) => async (count) => {
  for (let index = 0; index < count; index += 1) await sign(key(index));
};
const cases = {
  webcrypto: each(floor),
  single: each((name) => r2.getSignedUrl({ bucket: BUCKET, key: name, expiresIn: 3600 })),
  many: (count) => r2.getSignedUrls({ bucket: BUCKET, keys: Array.from({ length: count }, (_, index) => key(index)), expiresIn: 3600 }),
  aws4fetch: each((name) => aws.sign('https://' + HOST + '/' + BUCKET + '/' + name + '?X-Amz-Expires=3600', { aws: { signQuery: true } })),
};
export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    if (searchParams.has('same')) {
      const [one, other] = [await floor(key(1)), await r2.getSignedUrl({ bucket: BUCKET, key: key(1), expiresIn: 3600 })];
      return new Response(String(one === other));
    }
    await cases[searchParams.get('case')](Number(searchParams.get('count')));
    return new Response('done');
  },
};
`;

const NAMES = {
  webcrypto: 'floor: SigV4 over WebCrypto, kept key',
  single: 'this package: getSignedUrl',
  many: `this package: getSignedUrls of ${URLS}`,
  aws4fetch: 'aws4fetch 1.0.20: sign',
};

const miniflare = startWorkerd(await bundleWorker(WORKER));
const url = await miniflare.ready;
const pid = workerdPid();

const ask = async (query) => (await fetch(new URL(`/?${query}`, url))).text();
if ((await ask('same')) !== 'true') throw new Error('The floor and the package sign different URLs.');

const times = Object.fromEntries(Object.keys(NAMES).map((name) => [name, []]));
for (let round = -2; round < ROUNDS; round += 1) {
  for (const name of Object.keys(NAMES)) {
    const before = cpuSeconds(pid);
    await ask(`case=${name}&count=${URLS}`);
    if (round >= 0) times[name].push(((cpuSeconds(pid) - before) / URLS) * 1e6);
  }
}
await miniflare.dispose();

const floor = median(times.webcrypto);
console.log(`\nThe same in workerd: CPU of its process, ${URLS} URLs a request, medians of ${ROUNDS}\n`);
console.log('| case | CPU us | x floor |');
console.log('| --- | ---: | ---: |');
for (const [name, title] of Object.entries(NAMES)) {
  const time = median(times[name]);
  console.log(`| ${title} | ${time.toFixed(1)} | ${(time / floor).toFixed(2)} |`);
}
