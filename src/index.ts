// Clients
export { CacheClient } from './clients/kv/cache/cache-client.js';
export { cacheTag } from './clients/kv/cache/cache-tag.js';
export { memoryTier } from './clients/kv/cache/memory-tier.js';
export { CounterClient } from './clients/durable/counter-client.js';
export { KVClient } from './clients/kv/kv-client.js';
export { assertFence } from './clients/durable/assert-fence.js';
export { LockClient } from './clients/durable/lock-client.js';
export { OperationBudget } from './clients/kv/operation-budget.js';
export { R2Client } from './clients/r2/r2-client.js';
export { RateLimiterClient } from './clients/rate-limit/rate-limiter-client.js';
export { SessionCacheClient } from './clients/kv/session/session-cache-client.js';

// Rate limits: stores
export { BindingRateLimitStore } from './clients/rate-limit/binding-rate-limit-store.js';
export { KVRateLimitStore } from './clients/rate-limit/kv-rate-limit-store.js';
export { LayeredRateLimitStore } from './clients/rate-limit/layered-rate-limit-store.js';
export { MemoryRateLimitStore } from './clients/rate-limit/memory-rate-limit-store.js';
export { ObjectRateLimitStore } from './clients/rate-limit/object-rate-limit-store.js';

// Rate limits: what callers are told
export { enforceLimit, RateLimitExceeded } from './clients/rate-limit/enforce-limit.js';
export { ipKey } from './clients/rate-limit/ip-key.js';
export { toHeaders } from './clients/rate-limit/rate-limit-headers.js';
export { tooManyRequests } from './clients/rate-limit/too-many-requests.js';

// R2: signing
export { planParts } from './clients/r2/signing/part-plan.js';
export { presignCommand } from './clients/r2/signing/presign-command.js';
export { temporaryCredentials } from './clients/r2/signing/temporary-credentials.js';

// R2: private HLS
export { HlsTokens } from './clients/r2/hls/hls-tokens.js';
export { resolvePlaylistUri } from './clients/r2/hls/playlist-uri.js';
export { rewritePlaylist } from './clients/r2/hls/rewrite-playlist.js';
export { servePrivateHls } from './clients/r2/hls/serve-private-hls.js';
export { signPlaylist } from './clients/r2/hls/sign-playlist.js';
export { timedHmacToken } from './clients/r2/hls/timed-hmac.js';

// R2: reading and serving
export { serveFile } from './clients/r2/transfer/serve-file.js';

// R2: uploads from the browser
export { checkCors } from './clients/r2/browser/check-cors.js';
export { corsRules } from './clients/r2/browser/cors-rules.js';
export { safeFileName } from './clients/r2/browser/safe-file-name.js';
export { createUploadHandler } from './clients/r2/browser/upload-handler.js';
export { UploadRefused } from './clients/r2/browser/upload-refused.js';
export { uppyCallbacks } from './clients/r2/browser/uppy-callbacks.js';

// R2: keys of the media bucket
export { mediaKeys, parseMediaKey } from './clients/r2/media-keys.js';

// R2: bulk work and replication
export { replicate } from './clients/r2/replicate/replicate.js';
export { replicateBatch, replicateOnEvent } from './clients/r2/replicate/replicate-on-event.js';

// R2: settings of a bucket
export { diffCors, getCors, putCors } from './clients/r2/bucket/cors.js';
export { diffLifecycle, getLifecycle, putLifecycle } from './clients/r2/bucket/lifecycle.js';
export { parseR2Event } from './clients/r2/bucket/queue-event.js';

// Durable Objects in memory, for development
export { memoryCounters } from './durable-objects/counter/memory-counters.js';
export { memoryLocks } from './durable-objects/lock/memory-locks.js';
export { memoryRateLimits } from './durable-objects/rate-limit/memory-rate-limits.js';
export { memorySessions } from './durable-objects/session/memory-sessions.js';

// Codecs of the cache
export { encryptedCodec } from './clients/kv/codecs/encrypted-codec.js';
export { gzipCodec } from './clients/kv/codecs/gzip-codec.js';
export { jsonCodec } from './clients/kv/codecs/json-codec.js';
export { richCodec } from './clients/kv/codecs/rich-codec.js';

// Decorators
export { CacheEvict } from './decorators/cache-evict.js';
export { cachePrefix } from './decorators/cache-key.js';
export { CachePut } from './decorators/cache-put.js';
export { Cached } from './decorators/cached.js';
export { cached } from './decorators/cached-methods.js';
export { Injectable } from './decorators/injectable.js';
export { Locked } from './decorators/locked.js';
export { RateLimited } from './decorators/rate-limited.js';

// Event sinks
export { ANALYTICS_ENGINE_COORDINATION_DOUBLES, ANALYTICS_ENGINE_DOUBLES } from './sinks/analytics-engine-doubles.js';
export { AnalyticsEngineSink } from './sinks/analytics-engine-sink.js';
export { combineSinks } from './sinks/combine-sinks.js';
export { ConsoleSink } from './sinks/console-sink.js';
export { ServerTimingSink } from './sinks/server-timing-sink.js';
export { TracerSink } from './sinks/tracer-sink.js';

// Containers and providers
export { createContainer } from './providers/container.js';
export { provide, provideBinding, provideValue } from './providers/provider.js';
export { createRequestContainer, provideCloudflareClients } from './providers/cloudflare-clients.js';
export { provideCache } from './providers/cache.js';
export { provideCounters } from './providers/counters.js';
export { provideKVClient } from './providers/kv-client.js';
export { provideLocks } from './providers/locks.js';
export { provideR2 } from './providers/r2.js';
export { provideRateLimiter } from './providers/rate-limiter.js';
export { provideSessionCache } from './providers/session-cache.js';

// Tokens
export { token } from './tokens/token.js';
export {
  AUTH_SESSION_KV,
  CACHE_CLIENT,
  CACHE_KV,
  COUNTER_CLIENT,
  COUNTERS,
  ENV,
  EVENT_SINK,
  EXECUTION_CONTEXT,
  LOCKS,
  LOCK_CLIENT,
  OPERATION_BUDGET,
  R2_CLIENT,
  R2_CONFIG,
  RATE_LIMITER,
  RATE_LIMITER_CLIENT,
  RATE_LIMIT_KV,
  REQUEST,
  SESSIONS,
  SESSION_CACHE_CLIENT,
} from './tokens/index.js';

// Errors
export { CloudflareClientError, isCloudflareClientError } from './errors.js';

// Types of codecs
export type { CryptoKeyLike, EncryptedCodecOptions } from './clients/kv/codecs/encrypted-codec.js';
export type { GzipCodecOptions } from './clients/kv/codecs/gzip-codec.js';
export type { JsonCodecOptions } from './clients/kv/codecs/json-codec.js';

// Types of counters, and of work done once
export type {
  CounterChange,
  CounterClientOptions,
  CounterItem,
  CounterItemResult,
  CounterResult,
  CounterValue,
  OnceOptions,
  OnceResult,
  OnceRun,
} from './clients/durable/counter-types.js';

// Types of locks
export type { FenceStorage } from './clients/durable/assert-fence.js';
export type { Lock } from './clients/durable/lock.js';
export type { AcquireLockOptions, LockOptions } from './clients/durable/lock-options.js';
export type { LockClientOptions } from './clients/durable/lock-services.js';

// Types of the KV clients
export type { Cache, EvictableCache } from './clients/kv/cache/cache.js';
export type { CacheCodec, CodecContext, EncodedValue } from './clients/kv/cache/cache-codec.js';
export type {
  CacheClientOptions,
  CachePolicyOptions,
  CacheSetOptions,
  GetOrSetOptions,
  LoadContext,
  Loader,
  Ttl,
} from './clients/kv/cache/cache-options.js';
export type { CacheLookup } from './clients/kv/cache/cache-entry.js';
export type { EvictFailure, EvictReport, EvictTarget } from './clients/kv/cache/evict.js';
export type { MemoryTier, MemoryTierOptions } from './clients/kv/cache/memory-tier.js';
export type { ManyLoader } from './clients/kv/cache/read-through-many.js';
export type { StandardResult, StandardSchema } from './clients/kv/cache/standard-schema.js';
export type { DeleteFailure, DeletePrefixOptions, DeleteReport } from './clients/kv/delete-many.js';
export type { KVPatternStats, KVStats, KVStatsOptions } from './clients/kv/key-stats.js';
export type { KVClientListOptions, KVClientOptions, KVClientPutOptions, KVListEntry } from './clients/kv/kv-client.js';
export type {
  KVEntryLike,
  KVListOptionsLike,
  KVListResultLike,
  KVNamespaceLike,
  KVPutOptionsLike,
} from './clients/kv/kv-namespace.js';

// Types of rate limits, locks and counters
export type { ObjectNamespaceLike } from './clients/durable/object-namespace.js';
export type {
  RateLimitAttempt,
  RateLimitDecision,
  RateLimitRule,
  RateLimitStore,
  RuleDecision,
} from './clients/rate-limit/rate-limit-store.js';
export type {
  BindingRateLimitStoreOptions,
  RateLimitBindingLike,
  RateLimitBindingRule,
} from './clients/rate-limit/binding-rate-limit-store.js';
export type { KVRateLimitStoreOptions } from './clients/rate-limit/kv-rate-limit-store.js';
export type { LayeredRateLimitStoreOptions } from './clients/rate-limit/layered-rate-limit-store.js';
export type { MemoryRateLimitStoreOptions } from './clients/rate-limit/memory-rate-limit-store.js';
export type {
  BlockCacheOptions,
  LeaseOptions,
  ObjectRateLimitStoreOptions,
} from './clients/rate-limit/object-rate-limit-store.js';
export type {
  RateLimitAttemptConfig,
  RateLimitConfig,
  RateLimitRuleConfig,
  RateLimitsConfig,
} from './clients/rate-limit/rate-limit-config.js';
export type {
  RateLimitReason,
  RateLimitResult,
  RateLimitRuleResult,
  RateLimitsResult,
} from './clients/rate-limit/rate-limit-result.js';
export type { RateLimiterClientOptions } from './clients/rate-limit/rate-limiter-options.js';
export type { RateLimitSource } from './clients/rate-limit/store-of.js';
export type { RateLimitAlgorithm } from './durable-objects/rate-limit/rate-limit-api.js';

// Types of what callers are told of a rate limit
export type { Limiter } from './clients/rate-limit/enforce-limit.js';
export type { IpKeyOptions } from './clients/rate-limit/ip-key.js';
export type { RateLimitDraft, RateLimitHeaderOptions } from './clients/rate-limit/rate-limit-headers.js';
export type { TooManyRequestsOptions } from './clients/rate-limit/too-many-requests.js';

// Types of sessions
export type { CachedSession } from './clients/kv/session/session.js';
export type {
  GetOrLoadSessionOptions,
  SessionLoader,
  SessionLookup,
  SessionStaleness,
  SessionSummary,
  SessionUserOptions,
} from './clients/kv/session/session-lookup.js';
export type {
  SessionCacheClientOptions,
  SessionPepper,
  SessionPeppers,
  SlidingExpiry,
} from './clients/kv/session/session-options.js';
export type { SetSessionOptions } from './clients/kv/session/session-writer.js';

// Types of R2: objects
export type { R2DeleteFailure, R2DeleteResult } from './clients/r2/bulk/bulk-deletion.js';
export type { R2CopyHeaders, R2CopyOptions, R2CopyResult } from './clients/r2/bulk/copy-file.js';
export type {
  R2DeleteFilesOptions,
  R2DeleteOptions,
  R2DeletePrefixOptions,
  R2DeletePrefixResult,
  R2DeleteProgress,
} from './clients/r2/bulk/delete-files.js';
export type { R2Folder, R2ListedFile, R2ListFolderOptions, R2ListOptions } from './clients/r2/bulk/list-files.js';
export type { R2BindingsConfig, R2ClientConfig, R2ClientOptions, R2Jurisdiction } from './clients/r2/r2-config.js';
export type { ByteRange, R2StorageClass } from './clients/r2/store/object-store.js';
export type {
  R2BucketLike,
  R2BucketListOptionsLike,
  R2ConditionalLike,
  R2GetOptionsLike,
  R2HttpMetadataLike,
  R2MultipartUploadLike,
  R2ObjectLike,
  R2ObjectsLike,
  R2PutOptionsLike,
  R2RangeLike,
  R2ReadLike,
  R2StoringOptionsLike,
  R2UploadedPartLike,
} from './clients/r2/store/r2-bucket.js';
export type { R2Download, R2FileInfo, R2NotModified } from './clients/r2/transfer/download-file.js';
export type {
  R2ConditionalDownloadOptions,
  R2DownloadOptions,
  R2HeadOptions,
  R2ReadOptions,
} from './clients/r2/transfer/download-options.js';
export type { R2Progress } from './clients/r2/transfer/progress.js';
export type { R2ServeOptions } from './clients/r2/transfer/serve-file.js';
export type { CheckpointPart, R2UploadCheckpoint } from './clients/r2/transfer/upload-checkpoint.js';
export type { R2UploadBody, R2UploadOptions, R2UploadResult } from './clients/r2/transfer/upload-options.js';

// Types of R2: signing
export type {
  R2CompleteMultipartOptions,
  R2CreateMultipartOptions,
  R2ListMultipartOptions,
  R2MultipartOptions,
  R2MultipartPart,
  R2MultipartUpload,
  R2PendingUpload,
  R2SignedPart,
  R2SignedPartsOptions,
} from './clients/r2/signing/multipart.js';
export type { R2PartPlan } from './clients/r2/signing/part-plan.js';
export type { R2PresignCommandOptions, R2SdkCommand } from './clients/r2/signing/presign-command.js';
export type { R2SignedLife } from './clients/r2/signing/presigner.js';
export type { R2SignedUrlOptions, R2SignedUrlsOptions, R2SigningOptions } from './clients/r2/signing/signed-url.js';
export type { R2ObjectHeaderOptions, R2StoredHeaderOptions } from './clients/r2/stored-headers.js';
export type {
  R2Permission,
  R2TemporaryCredentials,
  R2TemporaryCredentialsOptions,
} from './clients/r2/signing/temporary-credentials.js';
export type { R2SignedUpload, R2SignedUploadOptions } from './clients/r2/signing/upload-url.js';

// Types of R2: private HLS
export type { HlsCookieOptions } from './clients/r2/hls/hls-cookie.js';
export type { HlsCorsOptions } from './clients/r2/hls/hls-cors.js';
export type {
  HlsAccess,
  HlsTokensOptions,
  SignedHlsCookie,
  SignedHlsPath,
  SignHlsOptions,
} from './clients/r2/hls/hls-tokens.js';
export type { HlsCacheLike } from './clients/r2/hls/media-cache.js';
export type { HlsGrant } from './clients/r2/hls/media-token.js';
export type { PlaylistPlace, PlaylistTarget } from './clients/r2/hls/playlist-uri.js';
export type { PlaylistVariableValues } from './clients/r2/hls/playlist-variables.js';
export type { PlaylistTag, RewritePlaylistOptions, RewriteUri } from './clients/r2/hls/rewrite-playlist.js';
export type { PrivateHlsHandler, ServePrivateHlsOptions } from './clients/r2/hls/serve-private-hls.js';
export type { PlaylistReference, SignedPlaylist, SignPlaylistOptions } from './clients/r2/hls/sign-playlist.js';
export type { TimedHmacOptions } from './clients/r2/hls/timed-hmac.js';

// Types of R2: uploads from the browser
export type { CheckCorsOptions, CorsCheck, CorsProblem } from './clients/r2/browser/check-cors.js';
export type { CorsRulesOptions, UploadClient } from './clients/r2/browser/cors-rules.js';
export type { UppySignature, UppyUpload } from './clients/r2/browser/sign-upload.js';
export type { UploadHandlerOptions } from './clients/r2/browser/upload-handler.js';
export type { UploadFile, UploadGrant, UploadPolicyOptions } from './clients/r2/browser/upload-policy.js';
export type { UploadRefusalReason } from './clients/r2/browser/upload-refused.js';
export type { UppyCallbacks, UppyCallbacksOptions, UppyPart } from './clients/r2/browser/uppy-callbacks.js';
export type { UppySignedRequest } from './clients/r2/browser/uppy-sign-request.js';

// Types of R2: keys of the media bucket
export type { MediaKey, MediaKeys, MediaKind } from './clients/r2/media-keys.js';

// Types of R2: bulk work and replication
export type { R2CopyFailure, R2CopyPrefixOptions, R2CopyPrefixResult } from './clients/r2/bulk/copy-prefix.js';
export type { ReplicationCheckpoint } from './clients/r2/replicate/checkpoint.js';
export type {
  MessageBatchLike,
  QueueMessageLike,
  ReplicateBatchReport,
  ReplicateOnEventOptions,
  ReplicateOnEventOutcome,
} from './clients/r2/replicate/replicate-on-event.js';
export type { ReplicateOptions } from './clients/r2/replicate/replicate-options.js';
export type {
  ReplicationCount,
  ReplicationFailure,
  ReplicationProgress,
  ReplicationReport,
  ReplicationTotals,
  ReplicationVerification,
} from './clients/r2/replicate/replication-report.js';
export type { ReplicationEnd } from './clients/r2/replicate/route.js';

// Types of R2: settings and events of a bucket
export type { R2CorsMethod, R2CorsRule } from './clients/r2/bucket/cors-rule.js';
export type { R2CorsDiff, R2PutCorsOptions, R2PutCorsResult } from './clients/r2/bucket/cors.js';
export type { R2LifecycleRule, R2LifecycleTransition } from './clients/r2/bucket/lifecycle-rule.js';
export type {
  R2Lifecycle,
  R2LifecycleDiff,
  R2PutLifecycleOptions,
  R2PutLifecycleResult,
  R2UnknownLifecycleRule,
} from './clients/r2/bucket/lifecycle.js';
export type { R2Event, R2EventAction } from './clients/r2/bucket/queue-event.js';
export type { R2SettingOptions } from './clients/r2/bucket/setting-options.js';

// Types of event sinks
export type { EventCountName } from './sinks/analytics-engine-doubles.js';
export type {
  AnalyticsEngineDatasetLike,
  AnalyticsEnginePoint,
  AnalyticsEngineSinkOptions,
} from './sinks/analytics-engine-sink.js';
export type { CombinedSink } from './sinks/combine-sinks.js';
export type { ConsoleLevel, ConsoleSinkOptions } from './sinks/console-sink.js';
export type { SpanAttributes } from './sinks/event-span.js';
export type { SpanLike, SpanOptionsLike, TracerLike, TracerSinkOptions } from './sinks/tracer-sink.js';

// Types of decorators, containers and tokens
export type { CacheEvictOptions, EvictedKeys } from './decorators/cache-evict.js';
export type { CachePutOptions } from './decorators/cache-put.js';
export type { CachedOptions } from './decorators/cached.js';
export type { CachedMethod, CachedMethodOf, CachedMethods } from './decorators/cached-methods.js';
export type { LimitedCallOptions, RateLimitedOptions } from './decorators/rate-limited.js';
export type { LockedOptions, Locks } from './decorators/locked.js';
export type { StoringOptions } from './decorators/storing-options.js';
export type { InjectableDecorator } from './decorators/injectable.js';
export type { AsyncMethod, AsyncMethodDecorator } from './decorators/method-decorator.js';
export type { ExecutionContextLike } from './internal/execution-context.js';
export type { ProvideCacheOptions } from './providers/cache.js';
export type { ProvideCloudflareClientsOptions } from './providers/cloudflare-clients.js';
export type { Container, ScopeInput } from './providers/container.js';
export type { ProvideCountersOptions } from './providers/counters.js';
export type { ProvideKVClientOptions } from './providers/kv-client.js';
export type { ProvideLocksOptions } from './providers/locks.js';
export type { BindingKind, Provider, ProviderList, Public } from './providers/provider.js';
export type { ProvideR2Options } from './providers/r2.js';
export type { R2VariableNames } from './providers/r2-config.js';
export type { ProvideRateLimiterOptions, RateLimitFilterBinding } from './providers/rate-limiter.js';
export type { RequestScope } from './providers/request-scope.js';
export type { ProvideSessionCacheOptions } from './providers/session-cache.js';
export type { InjectionKey, Resolved, Token } from './tokens/token.js';

// Types of errors and events
export type { ErrorCode } from './errors.js';
export type {
  BudgetEvent,
  CacheErrorEvent,
  CacheHitEvent,
  CacheInvalidateEvent,
  CacheKeyFields,
  CacheLoadEvent,
  CacheMissEvent,
  CacheMissReason,
  CacheRefreshEvent,
  CacheSkipEvent,
  CacheStaleEvent,
  CacheTier,
  CacheWriteEvent,
  ClientErrorEvent,
  ClientEvent,
  EventSink,
  EventSource,
  LargeValueEvent,
  RateLimitDeniedEvent,
  CounterReplayedEvent,
  LockAcquiredEvent,
  LockLostEvent,
  LockRefusedEvent,
  LockReleasedEvent,
  RateLimitAllowedEvent,
  RateLimitDecider,
  SessionHitEvent,
  SessionMissEvent,
  SessionRevokedEvent,
} from './events.js';
