export { SessionObject } from '@codex/cloudflare-clients/durable-objects';

export {};
