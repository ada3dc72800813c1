import type { R2CorsRule } from '../../src/clients/r2/bucket/cors-rule.js';
import type { S3Front } from './s3-front.js';
import { signRequest } from './s3-front/sigv4.js';
import { element } from './s3-front/xml.js';

/** Sets the CORS rules of a bucket, as they are. */
export async function putCorsRules(
  front: S3Front,
  bucket: string,
  rules: readonly Partial<R2CorsRule>[],
): Promise<void> {
  const list = (name: string, values: readonly string[] = []): string =>
    values.map((value) => element(name, value)).join('');
  const xml = rules.map((rule) => {
    const allowed = list('AllowedOrigin', rule.allowedOrigins) + list('AllowedMethod', rule.allowedMethods);
    return `<CORSRule>${allowed}${list('AllowedHeader', rule.allowedHeaders)}${list('ExposeHeader', rule.exposeHeaders)}</CORSRule>`;
  });
  const url = new URL(`${front.endpoint}/${bucket}?cors=`);
  const parts = { method: 'PUT', path: url.pathname, query: 'cors=', headers: { host: url.host } };
  const headers = signRequest(parts, front.credentials, Date.now());
  const body = `<CORSConfiguration>${xml.join('')}</CORSConfiguration>`;
  const answer = await fetch(url, { method: 'PUT', body, headers });
  if (!answer.ok) throw new Error(`PutBucketCors: HTTP ${answer.status}`);
}
