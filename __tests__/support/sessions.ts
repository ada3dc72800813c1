import { createHash } from 'node:crypto';
import { SessionCacheClient } from '../../src/clients/kv/session/session-cache-client.js';
import type { SessionCacheClientOptions } from '../../src/clients/kv/session/session-options.js';
import type { CachedSession } from '../../src/clients/kv/session/session.js';
import { memorySessions } from '../../src/durable-objects/session/memory-sessions.js';
import { ManualClock, MemoryKVNamespace, RecordingSink } from '../../src/testing.js';

export const TOKEN = 'session-token-123';
export const USER = 'user-id';
export const DAY_MS = 86_400_000;

/** What a session may differ in. */
export interface SessionParts {
  readonly token?: string;
  readonly userId?: string;
  readonly id?: string;
  readonly lifetimeMs?: number;
  readonly createdAt?: number;
  readonly ipAddress?: string;
  readonly userAgent?: string;
}

/** A session that is valid from `now` on. */
export function sessionAt(now: number, parts: SessionParts = {}): CachedSession {
  const { token = TOKEN, userId = USER, id = idOf(token), lifetimeMs = 30 * DAY_MS, createdAt } = parts;
  const { ipAddress, userAgent } = parts;
  return {
    session: {
      id,
      userId,
      token,
      expiresAt: new Date(now + lifetimeMs).toISOString(),
      ...(createdAt !== undefined && { createdAt: new Date(createdAt).toISOString() }),
      ...(ipAddress !== undefined && { ipAddress }),
      ...(userAgent !== undefined && { userAgent }),
    },
    user: { id: userId, email: 'user@example.com', name: 'John Doe', role: 'creator', emailVerified: true },
  };
}

/** The id of the session with a token: it does not hold the token. */
export function idOf(token: string): string {
  return `id-${createHash('md5').update(token).digest('hex')}`;
}

/** A client over a KV in memory, and all that stands around it. */
export function setupSessions(options: SessionCacheClientOptions = {}) {
  const clock = new ManualClock();
  const kv = new MemoryKVNamespace({ now: clock.now });
  const sink = new RecordingSink();
  const make = (more: SessionCacheClientOptions = {}): SessionCacheClient =>
    new SessionCacheClient(kv, { now: clock.now, events: sink, delay: async () => {}, ...options, ...more });
  return { clock, kv, sink, make, sessions: make() };
}

/** As `setupSessions`, with session objects in memory. */
export function setupStrong(options: SessionCacheClientOptions = {}) {
  const clock = new ManualClock();
  const objects = memorySessions({ now: clock.now, delay: clock.delay });
  const kv = new MemoryKVNamespace({ now: clock.now });
  const sink = new RecordingSink();
  const make = (more: SessionCacheClientOptions = {}): SessionCacheClient =>
    new SessionCacheClient(kv, {
      now: clock.now,
      events: sink,
      delay: async () => {},
      revocations: objects,
      ...options,
      ...more,
    });
  return { clock, kv, objects, sink, make, sessions: make() };
}

/** The names of all keys in a namespace. */
export async function keysOf(kv: MemoryKVNamespace): Promise<string[]> {
  return (await kv.list()).keys.map(({ name }) => name);
}

/**
 * Makes WebCrypto answer at once: it does so from a thread of its own, at a time that no test can wait for. `jest.restoreAllMocks()` ends it.
 */
export function answerDigestsAtOnce(): void {
  jest.spyOn(crypto.subtle, 'digest').mockImplementation(async (_, data) => {
    const { buffer, byteOffset, byteLength } = createHash('sha256')
      .update(data as Uint8Array)
      .digest();
    return buffer.slice(byteOffset, byteOffset + byteLength);
  });
}
