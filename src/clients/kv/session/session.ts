import { findKeyFault } from '../key.js';
import { revokedKey } from './session-keys.js';

/** A session and its user, as the cache keeps them. Fields beyond these are not stored. */
export interface CachedSession {
  session: {
    id: string;
    userId: string;
    token: string;
    /** A date that `Date.parse` reads, ISO 8601 with a zone for choice. */
    expiresAt: string;
    /**
     * When the session was issued, as `expiresAt`. With it, a copy that was read from the database before or after the session was ended, from a
     * replica that lags for example, is never served from the cache; without it one that was read after is.
     */
    createdAt?: string;
    ipAddress?: string;
    userAgent?: string;
  };
  user: {
    id: string;
    email: string;
    name: string;
    role: 'customer' | 'owner' | 'creator';
    emailVerified: boolean;
  };
}

const ROLES: ReadonlySet<unknown> = new Set(['customer', 'owner', 'creator']);

/**
 * Checks every field of a session that belongs to `token`, in words that repeat no value: they are credentials and personal data.
 *
 * @returns the start of a sentence that names the first field at fault, or `null` when all is well.
 */
export function findSessionFault(value: unknown, token: string): string | null {
  if (!isRecord(value)) return 'The value is not an object';
  const { session, user } = value;
  if (!isRecord(session)) return 'session is not an object';
  if (!isRecord(user)) return 'user is not an object';
  return findPartFault(session, user) ?? findDateFault(session) ?? findMismatch(session, user, token);
}

/** A copy of the known fields, so that what else a database row holds does not end up in the cache. */
export function pickSession({ session, user }: CachedSession): CachedSession {
  return {
    session: {
      id: session.id,
      userId: session.userId,
      token: session.token,
      expiresAt: session.expiresAt,
      ...(session.createdAt !== undefined && { createdAt: session.createdAt }),
      ...(session.ipAddress !== undefined && { ipAddress: session.ipAddress }),
      ...(session.userAgent !== undefined && { userAgent: session.userAgent }),
    },
    user: { id: user.id, email: user.email, name: user.name, role: user.role, emailVerified: user.emailVerified },
  };
}

/** When a session was issued, in milliseconds since the epoch: what it says itself, but not later than it was read from the database. */
export function issuedAtOf({ session }: CachedSession, loadedAt: number): number {
  return session.createdAt === undefined ? loadedAt : Math.min(Date.parse(session.createdAt), loadedAt);
}

function findPartFault(session: Record<string, unknown>, user: Record<string, unknown>): string | null {
  const { id, userId, token, expiresAt, createdAt, ipAddress, userAgent } = session;
  const strings = {
    'session.id': id,
    'session.userId': userId,
    'session.token': token,
    'session.expiresAt': expiresAt,
  };
  const userStrings = { 'user.id': user['id'], 'user.email': user['email'], 'user.name': user['name'] };
  for (const [path, field] of Object.entries({ ...strings, ...userStrings })) {
    if (typeof field !== 'string') return `${path} is not a string`;
  }
  const optional = { 'session.createdAt': createdAt, 'session.ipAddress': ipAddress, 'session.userAgent': userAgent };
  for (const [path, field] of Object.entries(optional)) {
    if (field !== undefined && typeof field !== 'string') return `${path} is neither a string nor left out`;
  }
  if (!ROLES.has(user['role'])) return 'user.role is not one of customer, owner, creator';
  return typeof user['emailVerified'] === 'boolean' ? null : 'user.emailVerified is not a boolean';
}

function findDateFault({ expiresAt, createdAt }: Record<string, unknown>): string | null {
  if (!isDate(expiresAt as string)) return 'session.expiresAt is not an ISO 8601 date';
  return createdAt === undefined || isDate(createdAt as string) ? null : 'session.createdAt is not an ISO 8601 date';
}

// `Date.parse` alone finds a date in almost anything: 'foo 2099'.
function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}(?:[T ]|$)/.test(text) && !Number.isNaN(Date.parse(text));
}

function findMismatch(session: Record<string, unknown>, user: Record<string, unknown>, token: string): string | null {
  if (session['token'] !== token) return 'session.token is not the token that it is stored under';
  if (session['userId'] !== user['id']) return 'session.userId is not user.id';
  // Without a key for it, the user's sessions could never be ended.
  return user['id'] === '' || findKeyFault(revokedKey(user['id'] as string)) !== null
    ? 'user.id is no usable id'
    : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
