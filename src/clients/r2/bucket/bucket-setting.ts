import { CloudflareClientError } from '../../../errors.js';
import type { R2Connection, R2Session } from '../s3/r2-connection.js';
import { failureName, failureStatus } from '../r2-error.js';
import { s3Call } from '../s3/s3-call.js';
import { parseXml, type XmlElement } from './xml-tree.js';

/** One kind of settings that a bucket has, as S3 names them. */
export interface BucketSetting {
  /** For messages: `lifecycle`. */
  readonly name: string;
  /** S3's code for a bucket that has none. */
  readonly missing: string;
  /** Root of the document. */
  readonly root: string;
  readonly get: (session: R2Session, bucket: string) => SettingCommand;
  readonly put: (session: R2Session, bucket: string) => SettingCommand;
  readonly delete: (session: R2Session, bucket: string) => SettingCommand;
}

/** Which bucket, and the caller's way to give it up. */
export interface SettingTarget {
  readonly connection: R2Connection;
  readonly bucket: string;
  readonly signal?: AbortSignal | undefined;
}

/** As much of a command of the SDK as is used here; each has a middleware type of its own, which says no more. */
export interface SettingCommand {
  readonly middlewareStack: object;
}

interface MiddlewareStack {
  add(
    middleware: Middleware,
    options: { readonly step: string; readonly priority: string; readonly name: string },
  ): void;
}

type Next = (args: { request?: unknown; input?: unknown }) => Promise<{ response?: unknown }>;
type Middleware = (next: Next) => Next;

const NOT_IMPLEMENTED = 501;
const S3_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/**
 * The settings as the server sent them. Not what the SDK makes of them: it drops whatever it does not know, and writing
 * the rest back would delete that.
 *
 * @returns `null` when the bucket has none.
 */
export async function readSetting(target: SettingTarget, setting: BucketSetting): Promise<XmlElement | null> {
  let text = '';
  const keepBody: Middleware = (next) => async (args) => {
    const result = await next(args);
    const response = result.response as { body: unknown };
    const bytes = new Uint8Array(await new Response(response.body as BodyInit).arrayBuffer());
    text = new TextDecoder().decode(bytes);
    response.body = bytes;
    return result;
  };
  const operation = `read of the ${setting.name} settings`;
  const found = await send(target, { setting, operation }, (session) => {
    const command = setting.get(session, target.bucket);
    // Next to the request handler: before the SDK reads the answer, and within its retries.
    stackOf(command).add(keepBody, { step: 'deserialize', priority: 'low', name: 'keepSettingBody' });
    return command;
  });
  if (!found) return null;
  const root = parseXml(text);
  if (root?.nodeName === setting.root) return root;
  throw new CloudflareClientError(
    'R2_FAILED',
    `R2 ${operation} of ${target.bucket} failed: the answer is no ${setting.root}.`,
  );
}

/** Replaces the settings by the elements in `xml`; the empty string takes them away. */
export async function writeSetting(target: SettingTarget, setting: BucketSetting, xml: string): Promise<void> {
  const operation = `write of the ${setting.name} settings`;
  if (xml === '') {
    await send(target, { setting, operation }, (session) => setting.delete(session, target.bucket));
    return;
  }
  const document = `<?xml version="1.0" encoding="UTF-8"?><${setting.root} xmlns="${S3_NAMESPACE}">${xml}</${setting.root}>`;
  const replaceBody: Middleware = (next) => (args) => {
    (args.request as { body: unknown }).body = document;
    return next(args);
  };
  await send(target, { setting, operation }, (session) => {
    const command = setting.put(session, target.bucket);
    // After the SDK's own serializer, before lengths, checksums and the signature.
    stackOf(command).add(replaceBody, { step: 'serialize', priority: 'low', name: 'replaceSettingBody' });
    return command;
  });
}

function stackOf({ middlewareStack }: SettingCommand): MiddlewareStack {
  return middlewareStack as MiddlewareStack;
}

/** `false` when the bucket has no such settings. */
async function send(
  { connection, bucket, signal }: SettingTarget,
  { setting, operation }: { readonly setting: BucketSetting; readonly operation: string },
  make: (session: R2Session) => SettingCommand,
): Promise<boolean> {
  return s3Call(connection, { operation, bucket }, { signal }, async (s3) => {
    const client = s3.client as unknown as { send(command: unknown, options: unknown): Promise<unknown> };
    try {
      await client.send(make(s3), s3.request);
      return true;
    } catch (error) {
      if (failureName(error) === setting.missing) return false;
      if (failureName(error) !== 'NotImplemented' && failureStatus(error) !== NOT_IMPLEMENTED) throw error;
      throw new CloudflareClientError(
        'R2_NOT_SUPPORTED',
        `R2 ${operation} of ${bucket} failed: this endpoint has no ${setting.name} settings.`,
        { cause: error },
      );
    }
  });
}
