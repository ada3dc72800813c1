import { CloudflareClientError } from '../../../errors.js';
import { shown } from '../object-names.js';

/** What happened to an object (https://developers.cloudflare.com/r2/buckets/event-notifications/). */
export type R2EventAction =
  'PutObject' | 'CopyObject' | 'CompleteMultipartUpload' | 'DeleteObject' | 'LifecycleDeletion';

/** One event notification of R2, as it comes from a queue: at least once, in any order. */
export interface R2Event {
  /** The Cloudflare account id. */
  readonly account: string;
  readonly action: R2EventAction;
  readonly bucket: string;
  readonly object: {
    readonly key: string;
    /** Bytes; not there for deletions. */
    readonly size?: number | undefined;
    /** Without quotes; not there for deletions. */
    readonly etag?: string | undefined;
  };
  readonly eventTime: Date;
  /** Where the object was copied from. */
  readonly copySource?: { readonly bucket: string; readonly key: string } | undefined;
}

const ACTIONS: readonly string[] = [
  'PutObject',
  'CopyObject',
  'CompleteMultipartUpload',
  'DeleteObject',
  'LifecycleDeletion',
];

/** The fields of an event and of the objects in it, before they are checked. */
interface Fields {
  readonly account?: unknown;
  readonly action?: unknown;
  readonly bucket?: unknown;
  readonly object?: unknown;
  readonly key?: unknown;
  readonly size?: unknown;
  readonly eTag?: unknown;
  readonly eventTime?: unknown;
  readonly copySource?: unknown;
}

/**
 * Reads the body of a queue message as an event notification of R2. Fields that it does not know are left out.
 *
 * @param body the body of the message: an object, or its JSON.
 * @example
 * ```ts
 * const event = parseR2Event({
 *   account: '3f4b7e3dcab231cbfdaa90a6a28bd548',
 *   action: 'PutObject',
 *   bucket: 'codex-media-production',
 *   object: { key: `${creatorId}/originals/${mediaId}/original.mp4`, size: 65536, eTag: 'c846ff7a18f28c2e262116d6e8719ef0' },
 *   eventTime: '2024-05-24T19:36:44.379Z',
 * });
 * if (event.action === 'PutObject') console.log(event.object.key, event.object.size);
 * ```
 * @throws {CloudflareClientError} `INVALID_EVENT` naming the field.
 */
export function parseR2Event(body: unknown): R2Event {
  const fields = objectOf('the body', typeof body === 'string' ? parsed(body) : body);
  const action = textOf('action', fields.action);
  if (!ACTIONS.includes(action)) throw invalid('action', action, `must be one of ${ACTIONS.join(', ')}`);
  const object = objectOf('object', fields.object);
  const { size, eTag } = object;
  if (size !== undefined && !(Number.isSafeInteger(size) && (size as number) >= 0)) {
    throw invalid('object.size', size, 'must be a number of bytes');
  }
  return {
    account: textOf('account', fields.account),
    action: action as R2EventAction,
    bucket: textOf('bucket', fields.bucket),
    object: {
      key: textOf('object.key', object.key),
      ...(size !== undefined && { size: size as number }),
      ...(eTag !== undefined && { etag: textOf('object.eTag', eTag).replaceAll('"', '') }),
    },
    eventTime: timeOf(fields.eventTime),
    ...(fields.copySource !== undefined && { copySource: copySourceOf(fields.copySource) }),
  };
}

function copySourceOf(value: unknown): { bucket: string; key: string } {
  const source = objectOf('copySource', value);
  return { bucket: textOf('copySource.bucket', source.bucket), key: textOf('copySource.object', source.object) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid('the body', text, 'is no JSON');
  }
}

function objectOf(field: string, value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw invalid(field, value, 'must be an object');
}

function textOf(field: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw invalid(field, value, 'must be a string, and not empty');
}

function timeOf(value: unknown): Date {
  const time = new Date(textOf('eventTime', value));
  if (!Number.isNaN(time.getTime())) return time;
  throw invalid('eventTime', value, 'must be a time');
}

function invalid(field: string, value: unknown, why: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_EVENT', `R2 event: ${field} ${shown(value)} ${why}.`);
}
