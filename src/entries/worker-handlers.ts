import type { ExecutionContextLike } from '../internal/execution-context.js';

/** The execution context of a Worker, as far as all versions of the platform's types agree on it. */
export interface WorkerContext extends ExecutionContextLike {
  passThroughOnException(): void;
}

/** What a handler is given beside its scope. */
export interface Invocation<Env, Context = WorkerContext> {
  readonly env: Env;
  /** `Invocation<Env, ExecutionContext>` has all that the runtime's own has. */
  readonly ctx: Context;
}

/** A message of a queue. */
export interface QueueMessage<Body = unknown> {
  readonly id: string;
  readonly timestamp: Date;
  readonly body: Body;
  /** How often it was delivered, this time included. */
  readonly attempts: number;
  ack(): void;
  retry(options?: { delaySeconds?: number }): void;
}

/** A batch of a queue. */
export interface QueueBatch<Body = unknown> {
  readonly queue: string;
  readonly messages: readonly QueueMessage<Body>[];
  ackAll(): void;
  retryAll(options?: { delaySeconds?: number }): void;
}

/** A run that a cron trigger asked for. */
export interface ScheduledRun {
  /** The time it was due, in milliseconds since 1970. */
  readonly scheduledTime: number;
  /** The expression that triggered it. */
  readonly cron: string;
  /** Lets a run that fails not be made again. */
  noRetry(): void;
}

/** An email that came in; its full type is the platform's `ForwardableEmailMessage`. */
export interface EmailMessageLike {
  readonly from: string;
  readonly to: string;
  readonly headers: Headers;
  readonly raw: ReadableStream;
  /** Bytes. */
  readonly rawSize: number;
  setReject(reason: string): void;
}

/** What `defineWorker` returns: the handlers as the runtime calls them. */
export interface WorkerHandlers<Env extends object, Message = unknown> {
  /** Answers a request. */
  fetch?(request: Request, env: Env, ctx: WorkerContext): Promise<Response>;
  /** Consumes a batch of a queue. */
  queue?(batch: QueueBatch<Message>, env: Env, ctx: WorkerContext): Promise<void>;
  /** Does what a cron trigger asks for. */
  scheduled?(run: ScheduledRun, env: Env, ctx: WorkerContext): Promise<void>;
  /** Takes an email. */
  email?(message: EmailMessageLike, env: Env, ctx: WorkerContext): Promise<void>;
  /** Takes the traces of other Workers. */
  tail?(traces: readonly object[], env: Env, ctx: WorkerContext): Promise<void>;
}
