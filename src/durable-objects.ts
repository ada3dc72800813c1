// The Durable Object classes, for the entry module of a Worker to export. The only road to `cloudflare:workers`: not for plain Node.

export { CounterObject } from './durable-objects/counter-object.js';
export { LockObject } from './durable-objects/lock-object.js';
export { RateLimiterObject } from './durable-objects/rate-limiter-object.js';
export { SessionObject } from './durable-objects/session-object.js';
