import {
  COUNTERS,
  EVENT_SINK,
  LOCKS,
  memoryCounters,
  memoryLocks,
  MemoryRateLimitStore,
  memorySessions,
  provide,
  provideValue,
  RATE_LIMITER_CLIENT,
  RateLimiterClient,
  SESSIONS,
} from '@codex/cloudflare-clients';
import type { Provider } from '@codex/cloudflare-clients';

/**
 * For `vite dev`, where there is no coordination Worker to bind objects of: the same state machines in the memory of the development server. They
 * forget when the server starts again, and when Vite loads this module again.
 */
export function developmentObjects(): readonly Provider[] {
  const limits = new MemoryRateLimitStore();
  return [
    provide(
      RATE_LIMITER_CLIENT,
      (container) => new RateLimiterClient(limits, { events: container.resolve(EVENT_SINK) }),
    ),
    provideValue(LOCKS, memoryLocks()),
    provideValue(COUNTERS, memoryCounters()),
    provideValue(SESSIONS, memorySessions()),
  ];
}
