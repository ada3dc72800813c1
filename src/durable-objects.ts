// The Durable Object classes, for the entry module of a Worker to export. The only road to `cloudflare:workers`: not for plain Node.

export { SessionObject } from './durable-objects/session-object.js';
export { LockObject } from './durable-objects/lock-object.js';
