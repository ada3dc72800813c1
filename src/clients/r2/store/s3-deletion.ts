import type { R2DeleteFailure } from '../bulk/bulk-deletion.js';
import { failureName, failureStatus } from '../r2-error.js';
import type { R2Connection } from '../s3/r2-connection.js';
import { s3Call } from '../s3/s3-call.js';

/** Which objects to delete. */
export interface DeleteManyRequest {
  readonly bucket: string;
  /** 1,000 at most. */
  readonly keys: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

const NOT_CONFIRMED = { code: 'NotConfirmed', message: "The server's answer does not name this key." } as const;
// XML, in which a bulk deletion names its keys, trims or changes these: the server would confirm and delete another key.
const NOT_FOR_XML = /^\s|\s$|[\p{Cc}\ufffe\uffff]/u;
const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?:\/|$)/;

/** Deletes up to 1,000 keys, once; answers with those that are still there. */
export async function deleteObjects(connection: R2Connection, request: DeleteManyRequest): Promise<R2DeleteFailure[]> {
  const failures: R2DeleteFailure[] = [];
  const forXml = request.keys.filter((key) => !NOT_FOR_XML.test(key));
  if (forXml.length > 0) failures.push(...(await deleteByXml(connection, { ...request, keys: forXml })));
  for (const key of request.keys.filter((each) => NOT_FOR_XML.test(each))) {
    const failure = await deleteByUrl(connection, request, key);
    if (failure !== null) failures.push(failure);
  }
  return failures;
}

async function deleteByXml(connection: R2Connection, request: DeleteManyRequest): Promise<R2DeleteFailure[]> {
  const { bucket, keys } = request;
  return s3Call(connection, { operation: 'delete', bucket }, request, async (s3) => {
    // Not `Quiet`: an answer that says nothing (an empty one, a page of HTML) must not count as a deletion.
    const command = new s3.sdk.DeleteObjectsCommand({
      Bucket: bucket,
      Delete: { Objects: keys.map((Key) => ({ Key })) },
    });
    const { Deleted = [], Errors = [] } = await s3.client.send(command, s3.request);
    const deleted = new Set(Deleted.map(({ Key }) => Key));
    const errors = new Map(Errors.map((error) => [error.Key, error]));
    return keys.flatMap((key) => {
      const error = errors.get(key);
      if (error === undefined) return deleted.has(key) ? [] : [{ key, ...NOT_CONFIRMED }];
      return [{ key, code: error.Code ?? 'Unknown', message: error.Message ?? '' }];
    });
  });
}

async function deleteByUrl(
  connection: R2Connection,
  request: DeleteManyRequest,
  key: string,
): Promise<R2DeleteFailure | null> {
  if (DOT_SEGMENT.test(key)) return { key, code: 'InvalidKey', message: 'Neither a URL nor XML can carry this key.' };
  const { bucket } = request;
  return s3Call(connection, { operation: 'delete', bucket }, request, async (s3) =>
    s3.client.send(new s3.sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }), s3.request).then(
      () => null,
      (error: unknown) => refusalOf(key, error),
    ),
  );
}

/** What the server said to one key; whatever concerns more than that key (no answer, no such bucket) is thrown on. */
function refusalOf(key: string, error: unknown): R2DeleteFailure {
  const code = failureName(error);
  if (failureStatus(error) === undefined || code === 'NoSuchBucket') throw error;
  return { key, code, message: error instanceof Error ? error.message : '' };
}
