import type { ExecutionContextLike } from '../internal/execution-context.js';

/** The execution context of a Worker, as far as all versions of the platform's types agree on it. */
export interface WorkerContext extends ExecutionContextLike {
  /** Lets the origin behind the Worker answer when the handler throws. */
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
  /** Counts the message as done, also when the handler throws for another one. */
  ack(): void;
  /** Has the message delivered again, after `delaySeconds` where it is given (0 to 43,200, the queue's own otherwise). */
  retry(options?: { delaySeconds?: number }): void;
}

/** A batch of a queue. */
export interface QueueBatch<Body = unknown> {
  readonly queue: string;
  readonly messages: readonly QueueMessage<Body>[];
  /** Counts all messages as done that were not told otherwise. */
  ackAll(): void;
  /** Has all messages delivered again that were not told otherwise, after `delaySeconds` where it is given. */
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
  /** Refuses the email; the sender is told `reason`. */
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
