// What Node loads in place of the entries that need `cloudflare:workers`. Its own answer to `require` would be an internal assertion that asks for
// a bug report. Bundlers, workerd and Jest, which may have a stand-in for that module, never see this file.

const MESSAGE =
  '@codex/cloudflare-clients/durable-objects and /worker run in workerd alone: they import cloudflare:workers, which Node does not have. ' +
  'Bundle them for Workers; in Node use memoryRateLimits(), memoryLocks(), memoryCounters(), memorySessions() or MemoryObjectNamespace of ./testing.';

throw Object.assign(new Error(MESSAGE), { code: 'ERR_UNSUPPORTED_ESM_URL_SCHEME' });

export {};
