// The cached list, the session and the login limit of the example Worker, as one writes them on bare bindings: no container, no retries, no events.
import { DurableObject } from 'cloudflare:workers';

const LIST_SECONDS = 300;
const LIMIT = 5;
const WINDOW_MS = 900_000;

export class Limiter extends DurableObject {
  hit() {
    const since = Date.now() - WINDOW_MS;
    const kept = (this.ctx.storage.kv.get('hits') ?? []).filter((at) => at > since);
    if (kept.length >= LIMIT) return { allowed: false, retryAfterMs: kept[0] - since };
    this.ctx.storage.kv.put('hits', [...kept, Date.now()]);
    return { allowed: true };
  }
}

async function cached(env, key, load) {
  const found = await env.CACHE_KV.get(key, 'json');
  if (found !== null) return found;
  const value = await load();
  await env.CACHE_KV.put(key, JSON.stringify(value), { expirationTtl: LIST_SECONDS });
  return value;
}

async function listMedia(env, creatorId) {
  return cached(env, `media-list:${creatorId}`, async () => {
    const { results } = await env.DB.prepare('SELECT * FROM media WHERE creator_id = ?').bind(creatorId).all();
    const { objects } = await env.MEDIA.list({ prefix: `${creatorId}/` });
    return results.map((row) => ({
      ...row,
      files: objects.filter(({ key }) => key.includes(row.id)).map(({ key, size }) => ({ key, size })),
    }));
  });
}

async function sessionOf(request, env) {
  const token = /codex-session=([0-9a-f]{64})/.exec(request.headers.get('cookie') ?? '')?.[1];
  if (token === undefined) return null;
  const kept = await env.AUTH_SESSION_KV.get(`session:${token}`, 'json');
  if (kept !== null) return kept;
  const row = await env.DB.prepare('SELECT * FROM sessions WHERE token = ? AND expires_at > ?')
    .bind(token, Date.now())
    .first();
  if (row !== null) await env.AUTH_SESSION_KV.put(`session:${token}`, JSON.stringify(row), { expirationTtl: 86_400 });
  return row;
}

async function login(request, env) {
  const { email } = await request.json();
  const { allowed, retryAfterMs } = await env.RATE_LIMITER.getByName(email).hit();
  if (!allowed)
    return new Response('Too many attempts.', {
      status: 429,
      headers: { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) },
    });
  return Response.json({ status: 'welcome' });
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === '/api/health') return Response.json({ status: 'ok' });
    if (pathname === '/api/login') return login(request, env);
    if (pathname === '/api/me') return Response.json(await sessionOf(request, env));
    const creatorId = /^\/api\/creators\/([^/]+)\/media$/.exec(pathname)?.[1];
    if (creatorId !== undefined) return Response.json(await listMedia(env, creatorId));
    return new Response('Not found', { status: 404 });
  },
};
