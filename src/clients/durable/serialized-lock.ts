import { CloudflareClientError } from '../../errors.js';
import type { LockHold } from './lock.js';
import { checkLockName, checkTtl } from './lock-options.js';

/**
 * Reads what `Lock.serialize` gave.
 *
 * @throws {CloudflareClientError} `INVALID_ARGUMENT` for anything else.
 */
export function readSerializedLock(serialized: unknown): LockHold {
  try {
    const { v, name, owner, fence, ttlMs } = JSON.parse(String(serialized)) as Record<string, unknown>;
    checkLockName(name);
    checkTtl(ttlMs);
    if (v === 1 && typeof owner === 'string' && owner !== '' && typeof fence === 'number') {
      return { name, owner, fence, ttlMs };
    }
  } catch {
    // The text is a secret: what a parser says about it may show it.
  }
  throw new CloudflareClientError('INVALID_ARGUMENT', 'What was given is no lock that Lock.serialize() has written.');
}
