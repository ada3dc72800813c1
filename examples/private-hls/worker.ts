// A Worker that lets a viewer watch private HLS in three ways. Started by run.mjs; docs/private-hls.md explains.
import { HlsTokens, R2Client, servePrivateHls, signPlaylist, type R2ClientConfig } from '@codex/cloudflare-clients';
import { page } from './page.js';

interface Env {
  readonly R2_ACCOUNT_ID: string;
  readonly R2_ACCESS_KEY_ID: string;
  readonly R2_SECRET_ACCESS_KEY: string;
  /** Only for a local stand-in of R2. */
  readonly R2_ENDPOINT?: string;
  readonly MEDIA_BUCKET: string;
  readonly HLS_SECRET: string;
  readonly HLS_OLD_SECRET?: string;
}

const VIEWING_SECONDS = 6 * 3600;
const SAME_URL_SECONDS = 300;
/** One object per environment, so that clients of all requests share connections and signing keys. */
const configs = new WeakMap<Env, R2ClientConfig>();

function r2Of(env: Env): R2Client {
  const config = configs.get(env) ?? {
    accountId: env.R2_ACCOUNT_ID,
    accessKeyId: env.R2_ACCESS_KEY_ID,
    secretAccessKey: env.R2_SECRET_ACCESS_KEY,
    endpoint: env.R2_ENDPOINT,
  };
  configs.set(env, config);
  return new R2Client(config);
}

/** Your own rule: a session, a subscription, a purchase. Here everybody has bought the one item that there is. */
function mayWatch(_request: Request, creatorId: string, mediaId: string): boolean {
  return creatorId === 'creator-1' && mediaId === 'media-1';
}

/** Where to play from: asked for by the page, once, before it plays. */
function watch(url: URL, tokens: HlsTokens, key: string): Response {
  const grant = { key, expiresIn: VIEWING_SECONDS, roundExpiry: SAME_URL_SECONDS };
  if (url.searchParams.get('by') === 'path') return Response.json({ path: tokens.signPath(grant).path });
  if (url.searchParams.get('by') === 'playlist') return Response.json({ path: `/signed/${key}` });
  const { path, setCookie } = tokens.signCookie(grant);
  return Response.json({ path }, { headers: { 'set-cookie': setCookie } });
}

/** Playlists with links of R2 in them; asked for by the player, again for each variant. */
async function signed(r2: R2Client, bucket: string, key: string): Promise<Response> {
  const mediaPrefix = key.split('/').slice(0, 3).join('/');
  const options = { bucket, key, mediaPrefix, expiresIn: VIEWING_SECONDS, roundExpiry: SAME_URL_SECONDS };
  const playlist = await signPlaylist(r2, options);
  return playlist === null ? new Response('Not Found', { status: 404 }) : new Response(playlist.text, playlist);
}

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    if (url.pathname === '/') return new Response(page, { headers: { 'content-type': 'text/html; charset=utf-8' } });

    const tokens = new HlsTokens({
      secrets: env.HLS_OLD_SECRET === undefined ? [env.HLS_SECRET] : [env.HLS_SECRET, env.HLS_OLD_SECRET],
    });
    if (url.pathname.startsWith('/v/')) {
      return servePrivateHls(r2Of(env), { bucket: env.MEDIA_BUCKET, tokens })(request, ctx);
    }

    const [, route, creatorId = '', folder, mediaId = ''] = url.pathname.split('/');
    if (folder !== 'hls' || !mayWatch(request, creatorId, mediaId)) return new Response('Forbidden', { status: 403 });
    if (route === 'watch') return watch(url, tokens, `${creatorId}/hls/${mediaId}/master.m3u8`);
    if (route === 'signed') return signed(r2Of(env), env.MEDIA_BUCKET, url.pathname.slice('/signed/'.length));
    return new Response('Not Found', { status: 404 });
  },
} satisfies ExportedHandler<Env>;
