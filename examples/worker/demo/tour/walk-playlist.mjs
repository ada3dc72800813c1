import assert from 'node:assert/strict';
import { rewritePlaylist } from '@codex/cloudflare-clients';

/** A playlist and all that it names, as a player asks for them: `{ url, bytes }` each. Every answer must be 200. */
export async function walkPlaylist(url) {
  const response = await fetch(url);
  assert.equal(response.status, 200, `${url.pathname.split('/').slice(-2).join('/')}: ${response.status}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const children = [];
  if (url.pathname.endsWith('.m3u8')) {
    rewritePlaylist(bytes.toString(), (uri) => {
      children.push(new URL(uri, url));
      return uri;
    });
  }
  const below = [];
  for (const child of children) below.push(...(await walkPlaylist(child)));
  return [{ url, bytes }, ...below];
}
